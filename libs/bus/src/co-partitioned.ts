import { AssignerProtocol, type PartitionAssigner } from 'kafkajs';
import { PARTITIONS } from './bus.js';

/** Partition p of every topic goes to one member, so that it hears all of a market. Pure; members in the order of their ids. */
export function coPartitions(
  members: readonly string[], topics: readonly string[], partitions: number,
): Map<string, Record<string, number[]>> {
  const sorted = [...members].sort();
  const assignment = new Map(sorted.map((member) => [member, Object.fromEntries(topics.map((topic): [string, number[]] => [topic, []]))]));
  for (let partition = 0; partition < partitions; partition++) {
    const member = assignment.get(sorted[partition % sorted.length]!)!;
    for (const topic of topics) member[topic]!.push(partition);
  }
  return assignment;
}

/** The client's own assigners deal the partitions of all topics out together: p of one topic here, p of another there. */
export const coPartitioned: PartitionAssigner = () => ({
  name: 'SluiceCoPartitioned',
  version: 0,
  assign({ members, topics }) {
    const assignment = coPartitions(members.map((member) => member.memberId), topics, PARTITIONS);
    return Promise.resolve([...assignment].map(([memberId, of]) => ({
      memberId, memberAssignment: AssignerProtocol.MemberAssignment.encode({ version: 0, assignment: of, userData: Buffer.alloc(0) }),
    })));
  },
  protocol: ({ topics }) => ({
    name: 'SluiceCoPartitioned', metadata: AssignerProtocol.MemberMetadata.encode({ version: 0, topics, userData: Buffer.alloc(0) }),
  }),
});
