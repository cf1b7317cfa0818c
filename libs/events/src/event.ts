import type { DescMessage, Message } from '@bufbuild/protobuf';
import type { GenMessage } from '@bufbuild/protobuf/codegenv2';
import { compileCheck } from './check.js';

/** A stream of events, cut into partitions by a key. The key belongs to the topic: who shares it is heard in order. */
export interface Topic {
  readonly name: string;
  /** The field of every event of this topic whose value is its key. */
  readonly key: 'tenantId';
}

export function defineTopic(name: string, options: { key: 'tenantId' }): Topic {
  return { name, key: options.key };
}

/** An event on its way into the log. `value` is proto-JSON; `time` is an instant in ms. */
export interface Said {
  readonly id: string;
  readonly type: string;
  readonly topic: string;
  readonly key: string;
  /** The lead or contract that the event is about: what a poison event blocks. */
  readonly subject: string;
  readonly tenantId: string;
  readonly time: number;
  readonly traceparent: string | undefined;
  readonly value: string;
}

/** An event as a consumer hears it. `seq` is dense within topic and partition. */
export interface Heard<T = unknown> {
  readonly seq: number;
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly tenantId: string;
  readonly time: number;
  readonly traceparent: string | undefined;
  readonly data: T;
}

/** What goes beside the data of an event: its id, its instant in ms, and the trace that it belongs to. */
export interface About {
  readonly id: string;
  readonly time: number;
  readonly traceparent?: string | undefined;
}

export interface EventDefinition<T = unknown> {
  /** The full proto name, `sluice.intake.v1.LeadReceived`. */
  readonly type: string;
  readonly topic: Topic;
  readonly message: DescMessage;
  /** Checks the data and makes the event; throws EventFault on data that breaks the schema. */
  make(data: T, about: About): Said;
  /** Parses the bytes of a record; throws EventFault on what cannot be read or breaks the schema. */
  parse(value: string): T;
}

/** Data that breaks its event's schema. A bug where it is made, poison where it is heard. */
export class EventFault extends Error {
  override readonly name = 'EventFault';
}

type Needed<J, K extends keyof J> = Omit<J, K> & { [P in K]-?: NonNullable<J[P]> };

/** The data of an event: `type LeadReceived = DataOf<typeof LeadReceived>`. */
export type DataOf<E> = E extends EventDefinition<infer T> ? T : never;

/** `required`: fields that must hold more than proto3's empty value. `subject`: the field that names what the event is about. */
export function defineEvent<J extends { tenantId?: string }, const K extends keyof J & string>(
  schema: GenMessage<Message, { jsonType: J }>,
  options: { topic: Topic; required: readonly K[]; subject: K },
): EventDefinition<Needed<J, K | 'tenantId'>> {
  type Data = Needed<J, K | 'tenantId'>;
  const message = schema as DescMessage;
  const check = compileCheck(message, [...options.required, 'tenantId']);
  return {
    type: message.typeName,
    topic: options.topic,
    message,
    make(data, about) {
      const fault = check(data);
      if (fault) throw new EventFault(`${message.typeName}: ${fault}`);
      const record = data as Record<string, unknown>;
      return {
        id: about.id,
        type: message.typeName,
        topic: options.topic.name,
        key: record[options.topic.key] as string,
        subject: record[options.subject] as string,
        tenantId: record['tenantId'] as string,
        time: about.time,
        traceparent: about.traceparent,
        value: JSON.stringify(data),
      };
    },
    parse(value) {
      let data: unknown;
      try {
        data = JSON.parse(value);
      } catch {
        throw new EventFault(`${message.typeName}: not JSON`);
      }
      const fault = check(data);
      if (fault) throw new EventFault(`${message.typeName}: ${fault}`);
      return data as Data;
    },
  };
}
