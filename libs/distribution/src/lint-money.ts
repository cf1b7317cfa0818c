/** What contracts can pay, for findings: exact, in minor units. */
import { formatMoney, parseMoney } from '@sluice/kernel';
import type { Contract, MoneyText } from './document.js';
import type { Outline } from './lint-outline.js';

function currencyOf({ document }: Outline): string {
  return document.currency ?? 'USD';
}

/** What a contract pays as one of so many buyers; a missing key of its prices takes the next lower one. */
function priceAmong(outline: Outline, contract: Contract, buyers: number): bigint {
  const { price, prices } = contract;
  const known = outline.flatPrices.get(contract);
  if (known !== undefined) return known;
  const keys = Object.keys(prices ?? {}).map(Number).sort((a, b) => a - b);
  const key = keys.filter((each) => each <= buyers).pop() ?? keys[0];
  const text = key === undefined ? price : prices![String(key)];
  const minor = text === undefined ? 0n : parseMoney(text, currencyOf(outline));
  if (key === undefined) outline.flatPrices.set(contract, minor);
  return minor;
}

/** What it asks, as a text to compare by. */
export function priceOf(outline: Outline, contract: Contract): string {
  return contract.prices ? JSON.stringify(contract.prices) : String(priceAmong(outline, contract, 1));
}

/** The most that one of these contracts pays. */
export function highestPriceOf(outline: Outline, contract: Contract): bigint {
  const buyers = [1, ...Object.keys(contract.prices ?? {}).map(Number)];
  return buyers.map((count) => priceAmong(outline, contract, count)).reduce((most, price) => (price > most ? price : most), 0n);
}

/** The most that at most so many of them pay together for one lead: one contract a client, as far as they share it. */
export function mostPaid(outline: Outline, contracts: readonly Contract[], most: number): bigint {
  let richest = 0n;
  for (const buyers of turningPoints(contracts, most)) {
    const best = new Map<string, bigint>();
    for (const contract of contracts) {
      if ((contract.maxShareCount ?? Infinity) < buyers) continue;
      const price = priceAmong(outline, contract, buyers);
      if (price > (best.get(contract.client) ?? -1n)) best.set(contract.client, price);
    }
    const prices = [...best.values()].sort((a, b) => (a < b ? 1 : a > b ? -1 : 0)).slice(0, buyers);
    const sum = prices.reduce((total, price) => total + price, 0n);
    if (sum > richest) richest = sum;
  }
  return richest;
}

/** Between two of them one more buyer only adds to the sum: nobody drops out, and nobody pays another price. */
function turningPoints(contracts: readonly Contract[], most: number): Set<number> {
  const ceiling = Math.min(most, new Set(contracts.map(({ client }) => client)).size);
  const points = new Set([ceiling]);
  for (const { maxShareCount = Infinity, prices } of contracts) {
    points.add(Math.min(ceiling, maxShareCount));
    for (const buyers of Object.keys(prices ?? {})) points.add(Math.min(ceiling, Number(buyers) - 1));
  }
  points.delete(0);
  return points;
}

export function unreachableTurnover(
  outline: Outline, contracts: readonly Contract[], minimum: MoneyText, most: number, words: string, say: (message: string) => void,
): void {
  const paid = mostPaid(outline, contracts, most);
  const currency = currencyOf(outline);
  const wanted = parseMoney(minimum, currency);
  if (paid >= wanted) return;
  say(`The buyers of a lead in ${words} pay at most ${formatMoney(paid, currency)} together, less than the minimum of ${formatMoney(wanted, currency)}: lower it.`);
}
