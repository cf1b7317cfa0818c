/**
 * Ids as uuid text. What is random comes in as an argument, and what the engine makes derives from where it was made, so that a replay
 * makes it again.
 */

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const BATCH_MAX = 2 ** 44;

/** 16 bytes → uuid text as they stand; version and variant are the caller's. Throws RangeError for another length. */
export function uuidFrom(bytes: Uint8Array): string {
  if (bytes.length !== 16) throw new RangeError(`a uuid has 16 bytes, got ${bytes.length}`);
  let text = '';
  for (let place = 0; place < 16; place++) {
    if (place === 4 || place === 6 || place === 8 || place === 10) text += '-';
    text += HEX[bytes[place] ?? 0];
  }
  return text;
}

/** True for uuid text in lower case, as everything here writes it. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/**
 * UUID version 7 of an instant (epoch ms) and at least 10 random bytes. Ids of later milliseconds sort later. Throws RangeError for
 * fewer bytes or a time out of range.
 */
export function uuid7(now: number, random: Uint8Array): string {
  if (random.length < 10) throw new RangeError(`a uuid of version 7 takes 10 random bytes, got ${random.length}`);
  if (!Number.isInteger(now) || now < 0 || now >= 2 ** 48) throw new RangeError(`expected epoch milliseconds, got ${now}`);
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, Math.floor(now / 2 ** 32));
  view.setUint32(2, now % 2 ** 32);
  bytes.set(random.subarray(0, 10), 6);
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  return uuidFrom(bytes);
}

/**
 * The id of what the engine made in a partition's batch at a place: a uuid of version 8 that spells the three numbers out, so that it
 * is unique without chance and sorts in the order of making. Partition < 2^16, batch < 2^44, place < 2^32; throws RangeError beyond.
 */
export function derivedId(partition: number, batchNo: number, place: number): string {
  if (!within(partition, 2 ** 16) || !within(batchNo, BATCH_MAX) || !within(place, 2 ** 32)) {
    throw new RangeError(`no id for partition ${partition}, batch ${batchNo}, place ${place}`);
  }
  const batch = batchNo.toString(16).padStart(11, '0');
  const head = partition.toString(16).padStart(4, '0') + batch.slice(0, 4);
  return `${head}-${batch.slice(4, 8)}-8${batch.slice(8)}-8000-0000${place.toString(16).padStart(8, '0')}`;
}

function within(value: number, end: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < end;
}
