/** ISO 8601 durations of fixed length: weeks, days of 24 hours, hours, minutes, seconds. Years and months have none and are refused. */

const UNITS_MS = [604_800_000, 86_400_000, 3_600_000, 60_000, 1000] as const;
const DURATION = /^P(?=\d|T\d)(?:(\d+)W)?(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d{1,3})?)S)?)?$/;

/** 'P3D', 'PT15M', 'P1DT12H', 'PT0.5S' → milliseconds. Throws RangeError for anything else. */
export function parseDuration(text: string): number {
  const match = DURATION.exec(text);
  if (!match) throw new RangeError(`expected a duration such as P3D or PT15M, got ${JSON.stringify(text)}`);
  const ms = UNITS_MS.reduce((sum, unit, place) => sum + Math.round(Number(match[place + 1] ?? 0) * unit), 0);
  if (!Number.isSafeInteger(ms)) throw new RangeError(`the duration ${JSON.stringify(text)} is too long`);
  return ms;
}

/** Milliseconds (≥ 0) → a duration without weeks: 259 200 000 → 'P3D', 0 → 'PT0S'. parseDuration reads it back. */
export function formatDuration(ms: number): string {
  if (!Number.isSafeInteger(ms) || ms < 0) throw new RangeError(`expected whole milliseconds ≥ 0, got ${ms}`);
  if (ms === 0) return 'PT0S';
  const days = Math.floor(ms / UNITS_MS[1]);
  const hours = Math.floor((ms % UNITS_MS[1]) / UNITS_MS[2]);
  const minutes = Math.floor((ms % UNITS_MS[2]) / UNITS_MS[3]);
  const seconds = (ms % UNITS_MS[3]) / 1000;
  const time = (hours ? `${hours}H` : '') + (minutes ? `${minutes}M` : '') + (seconds ? `${seconds}S` : '');
  return `P${days ? `${days}D` : ''}${time ? `T${time}` : ''}`;
}
