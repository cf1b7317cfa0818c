import type { IHeaders, KafkaMessage, Message } from 'kafkajs';
import type { LogRecord } from './log-record.js';

// A record of the log as a Kafka message: CloudEvents 1.0 in binary mode, so that routing needs no parse and others can read along.

const SPEC = Buffer.from('1.0');
const SOURCE = Buffer.from('/sluice');
const JSON_TYPE = Buffer.from('application/json');

/** `partition` is explicit: the client's own choice by key would be another one than the log's. */
export function messageOf(record: LogRecord, partition: number): Message {
  const headers: IHeaders = {
    seq: String(record.seq),
    ce_specversion: SPEC,
    ce_id: record.id,
    ce_source: SOURCE,
    ce_type: record.type,
    ce_time: new Date(record.time).toISOString(),
    ce_subject: record.subject,
    ce_tenantid: record.tenantId,
    'content-type': JSON_TYPE,
  };
  if (record.traceparent) headers['traceparent'] = record.traceparent;
  return { key: record.key, value: record.value as string | Buffer, partition, headers };
}

/** The sequence of a message; NaN for one that is not of the log. */
export function seqOf(message: KafkaMessage): number {
  return Number(headerOf(message.headers, 'seq') ?? NaN);
}

export function typeOf(message: KafkaMessage): string {
  return headerOf(message.headers, 'ce_type') ?? '';
}

export function recordOf(message: KafkaMessage): LogRecord {
  const { headers } = message;
  const tenantId = headerOf(headers, 'ce_tenantid') ?? '';
  return {
    seq: seqOf(message),
    id: headerOf(headers, 'ce_id') ?? '',
    type: typeOf(message),
    subject: headerOf(headers, 'ce_subject') ?? '',
    tenantId,
    key: message.key?.toString('utf8') ?? tenantId,
    time: Date.parse(headerOf(headers, 'ce_time') ?? ''),
    traceparent: headerOf(headers, 'traceparent'),
    value: message.value ?? '',
  };
}

function headerOf(headers: IHeaders | undefined, name: string): string | undefined {
  const value = headers?.[name];
  if (value === undefined) return undefined;
  return typeof value === 'string' ? value : Array.isArray(value) ? String(value[0]) : value.toString('utf8');
}
