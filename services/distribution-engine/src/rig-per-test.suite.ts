/** Apart from the rig, which child processes have too: outside of a test nobody may import what begins and ends one. */
import { afterEach, beforeEach } from '@jest/globals';
import type { VirtualClock } from '@sluice/runtime';
import { NOON } from './builders.suite.js';
import { openMember, openRig, type Member, type Rig } from './rig.suite.js';

/**
 * A rig for each test, of which `opened` is told, and the members that it opens; whoever is still among them is closed behind it. With a
 * clock it begins at noon.
 */
export function rigPerTest(opened: (rig: Rig) => void, clock?: VirtualClock) {
  let rig: Rig;
  const members: Member[] = [];
  beforeEach(async () => {
    clock?.moveTo(NOON);
    opened(rig = await openRig());
  });
  afterEach(async () => {
    for (const member of members.splice(0)) await member.close();
    await rig.close();
  });
  const member = async (options: { batchMax?: number } = {}): Promise<Member> => {
    const joined = await openMember(rig.url, { clock, ...options });
    members.push(joined);
    await joined.start();
    return joined;
  };
  return { members, member };
}
