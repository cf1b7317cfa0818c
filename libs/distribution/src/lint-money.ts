/** What contracts can pay, for findings: exact, in minor units. */
import { formatMoney, parseMoney } from '@sluice/kernel';
import type { Contract, MoneyText } from './document.js';
import type { Outline } from './lint-outline.js';

function currencyOf({ document }: Outline): string {
  return document.currency ?? 'USD';
}

/** What a contract pays as one of so many buyers; a missing key of its prices takes the next lower one. */
function priceAmong(outline: Outline, { price, prices }: Contract, buyers: number): bigint {
  const keys = Object.keys(prices ?? {}).map(Number).sort((a, b) => a - b);
  const key = keys.filter((each) => each <= buyers).pop() ?? keys[0];
  const text = key === undefined ? price : prices![String(key)];
  return text === undefined ? 0n : parseMoney(text, currencyOf(outline));
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
  const clients = new Set(contracts.map(({ client }) => client)).size;
  let richest = 0n;
  for (let buyers = 1; buyers <= Math.min(most, clients); buyers++) {
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

export function unreachableTurnover(
  outline: Outline, contracts: readonly Contract[], minimum: MoneyText, most: number, words: string, say: (message: string) => void,
): void {
  const paid = mostPaid(outline, contracts, most);
  const currency = currencyOf(outline);
  const wanted = parseMoney(minimum, currency);
  if (paid >= wanted) return;
  say(`The buyers of a lead in ${words} pay at most ${formatMoney(paid, currency)} together, less than the minimum of ${formatMoney(wanted, currency)}: lower it.`);
}
