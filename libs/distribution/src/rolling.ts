/** The rolling hour: every reservation stands under its own instant, and what is older than an hour no longer counts. */

interface Track { at: number[]; slot: number[] }

export class Rolling {
  private readonly tracks = new Map<string, Track>();

  /** A new key; one of a rolling limit is `…|rolling60m|…|<epoch ms>`. */
  know(key: string, slot: number): void {
    if (!key.includes('|rolling60m|')) return;
    const cut = key.lastIndexOf('|') + 1;
    const prefix = key.slice(0, cut);
    const at = Number(key.slice(cut));
    let track = this.tracks.get(prefix);
    if (!track) this.tracks.set(prefix, (track = { at: [], slot: [] }));
    let place = track.at.length;
    while (place > 0 && track.at[place - 1]! > at) place--;
    track.at.splice(place, 0, at);
    track.slot.splice(place, 0, slot);
  }

  /** Sum of what stands after the instant. */
  used(prefix: string, after: number, values: Float64Array): number {
    const track = this.tracks.get(prefix);
    if (!track) return 0;
    let sum = 0;
    for (let place = track.at.length - 1; place >= 0 && track.at[place]! > after; place--) sum += values[track.slot[place]!]!;
    return sum;
  }

  /** The instants after the given one under which something stands, or stood. */
  instants(prefix: string, after: number): number[] {
    return this.tracks.get(prefix)?.at.filter((at) => at > after) ?? [];
  }

  oldest(prefix: string, after: number, values: Float64Array): number {
    const track = this.tracks.get(prefix);
    const place = track ? track.at.findIndex((at, index) => at > after && values[track.slot[index]!]! > 0) : -1;
    return place < 0 ? Infinity : track!.at[place]!;
  }

  prune(before: number): void {
    for (const track of this.tracks.values()) {
      let old = 0;
      while (old < track.at.length && track.at[old]! < before) old++;
      track.at.splice(0, old);
      track.slot.splice(0, old);
    }
  }
}
