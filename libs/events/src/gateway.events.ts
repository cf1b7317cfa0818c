import { defineEvent, type DataOf } from './event.js';
import { UserSeenSchema } from './gen/sluice/gateway/v1/events_pb.js';
import { gatewayTopic as topic } from './topics.js';

export const UserSeen = defineEvent(UserSeenSchema, { topic, subject: 'userId', required: ['userId', 'at'] });

export type UserSeen = DataOf<typeof UserSeen>;
