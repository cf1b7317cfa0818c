import { chmodSync, mkdtempSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { MasterKey } from './master-key.js';

const fresh = () => path.join(mkdtempSync(path.join(os.tmpdir(), 'sluice-key-')), 'deep', 'master.key');

describe('the master key', () => {
  it('is made once, for its owner alone, and found again', () => {
    const SLUICE_MASTER_KEY_FILE = fresh();
    const first = MasterKey.load({ SLUICE_MASTER_KEY_FILE });
    expect(statSync(SLUICE_MASTER_KEY_FILE).mode & 0o777).toBe(0o600);
    expect(MasterKey.load({ SLUICE_MASTER_KEY_FILE }).derive('vault')).toEqual(first.derive('vault'));
    expect(first.derive('vault')).not.toEqual(first.derive('delivery'));
  });

  it('refuses a file that others can read, and says how to mend it', () => {
    const SLUICE_MASTER_KEY_FILE = fresh();
    MasterKey.load({ SLUICE_MASTER_KEY_FILE });
    chmodSync(SLUICE_MASTER_KEY_FILE, 0o644);
    expect(() => MasterKey.load({ SLUICE_MASTER_KEY_FILE })).toThrow(`chmod 600 ${SLUICE_MASTER_KEY_FILE}`);
  });

  it('refuses a file that holds something else rather than make a new key over it', () => {
    const SLUICE_MASTER_KEY_FILE = fresh();
    MasterKey.load({ SLUICE_MASTER_KEY_FILE });
    writeFileSync(SLUICE_MASTER_KEY_FILE, 'short');
    expect(() => MasterKey.load({ SLUICE_MASTER_KEY_FILE })).toThrow('holds no master key');
  });
});
