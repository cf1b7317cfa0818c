/** The yardstick: every contract has a compiled closure, and each lead asks all of them, then gates, ranks and reserves. */
import { bucketOf } from '@sluice/kernel';
import { testOf } from './criteria.js';
import type { ConfigDocument } from './document.js';
import type { Lead } from './lead.js';

interface Entry {
  id: string; client: string; campaign: string; open: boolean; price: number; quality: number; share: number; place: number;
  dayCap: number; monthCap: number;
  test: (lead: Lead) => boolean;
}

/** A function that distributes one lead and returns how many contracts matched. */
export function linearScan(document: ConfigDocument, now: number): (lead: Lead) => number {
  const entries = (document.contracts ?? []).map((contract, place): Entry => ({
    id: contract.id, client: contract.client, campaign: contract.campaigns?.[0] ?? '', open: contract.status !== 'paused',
    price: Number(contract.price) * 100,
    quality: contract.qualityScore ?? 100, share: contract.maxShareCount ?? Infinity, place, dayCap: Number(contract.caps?.day ?? Infinity),
    monthCap: Number(contract.caps?.month ?? Infinity), test: testOf(contract.criteria),
  }));
  const counters = new Map<string, number>();
  return (lead) => {
    const matching = entries.filter((entry) => entry.campaign === lead.campaignId && entry.test(lead));
    const day = bucketOf(now, 'UTC', 'day');
    const month = bucketOf(now, 'UTC', 'month');
    const used = (key: string) => counters.get(key) ?? 0;
    const eligible = matching.filter((entry) => entry.open && used(`${entry.id}|${day}`) < entry.dayCap
      && used(`${entry.id}|${month}`) < entry.monthCap);
    eligible.sort((a, b) => b.price - a.price || b.quality - a.quality || a.place - b.place);
    const picks: Entry[] = [];
    for (const entry of eligible) {
      if (picks.length === 3) break;
      if (picks.length >= entry.share || picks.some((pick) => picks.length >= pick.share || pick.client === entry.client)) continue;
      picks.push(entry);
    }
    for (const { id } of picks) for (const bucket of [day, month]) counters.set(`${id}|${bucket}`, used(`${id}|${bucket}`) + 1);
    return matching.length;
  };
}
