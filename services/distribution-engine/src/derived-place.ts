/** Where an id was made: the engine's ids spell partition and batch out. */

const DERIVED = /^([0-9a-f]{4})([0-9a-f]{4})-([0-9a-f]{4})-8([0-9a-f]{3})-8000-0000[0-9a-f]{8}$/;

/** Partition and batch of a derived id; undefined for any other text. */
export function placeOfId(id: string): { readonly partition: number; readonly batchNo: number } | undefined {
  const found = DERIVED.exec(id);
  if (!found) return undefined;
  return { partition: parseInt(found[1]!, 16), batchNo: parseInt(`${found[2]!}${found[3]!}${found[4]!}`, 16) };
}
