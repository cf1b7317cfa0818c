// Before the first test of a run: only a folder, in which the specs that need a server note what they have started.
// A run of unit tests therefore starts nothing.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export default function setup() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-test-'));
  // The database server may run as another user than we do, and must be able to enter.
  fs.chmodSync(folder, 0o711);
  process.env.SLUICE_TEST_RUN = folder;
  process.env.SLUICE_TEST_RUN_OWNER = String(process.pid);
}
