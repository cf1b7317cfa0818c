/** Why contracts did not get a lead, and the smallest change with which each would have: verdicts and changes → what is told of them. */
import {
  explain, wordsFor, type Counterfactual, type Decision, type Lead, type Life, type Market, type Request, type Trigger, type Verdict,
} from '@sluice/distribution';
import type { Receipt } from './receipt.js';

export interface ExplainedContract {
  readonly contractId: string;
  readonly clientId: string;
  readonly code: Verdict['code'];
  readonly gates: Verdict['gates'];
  readonly limit: Verdict['limit'] | null;
  readonly detail: string | null;
  readonly rank: Verdict['rank'] | null;
  /** Null: there is none, or it was not looked for (`looked`). */
  readonly change: Omit<Counterfactual, 'contractId'> | null;
  /** Whether a change was looked for; among hundreds of losers it is for the nearest only. */
  readonly looked: boolean;
  readonly words: string;
}

/** Contracts for which a change is looked for, where all are asked for: each costs some decisions. */
const LOOKED_MAX = 50;

/**
 * A verdict for each contract that was considered: those that are known, and those that the index left out. With `asked`, that one alone,
 * also where it was not considered; empty where there is no such contract.
 */
export function verdictsFor(
  market: Market, lead: Lead, made: Pick<Decision, 'verdicts' | 'considered'>, now: number, asked: string | undefined,
  moment?: Parameters<typeof explain>[4],
): Verdict[] {
  // Of a push or of chosen contracts nobody was left out, and nobody else was considered.
  const all = made.considered.notMatched === 0 ? [...made.verdicts] : explain(market, lead, made.verdicts, now, moment);
  if (asked === undefined) return all;
  const one = all.find(({ contractId }) => contractId === asked);
  if (one) return [one];
  const terms = market.contracts.get(asked);
  return terms ? [notConsidered(asked, terms.client.id, terms.campaigns, lead)] : [];
}

function notConsidered(contractId: string, clientId: string, campaigns: readonly string[] | null, { campaignId }: Lead): Verdict {
  if (campaigns === null || campaigns.includes(campaignId)) {
    return { contractId, clientId, code: 'not_in_rule', gates: [], detail: 'it was not among those that the lead was offered to' };
  }
  const detail = `campaign in ${campaigns.join(', ')}, got ${campaignId === '' ? 'none' : JSON.stringify(campaignId)}`;
  return { contractId, clientId, code: 'criteria', gates: ['criteria'], detail };
}

/** For whom a change is looked for: who lost, with what one change can mend first. Of a push they are recipients of a strategy. */
export function lookedFor(verdicts: readonly Verdict[], market: Market): string[] {
  const losers = verdicts.filter(({ contractId, clientId, code }) => code !== 'picked'
    && (market.contracts.has(contractId) || market.strategies.has(clientId)));
  return losers.sort((a, b) => a.gates.length - b.gates.length).slice(0, LOOKED_MAX).map(({ contractId }) => contractId);
}

export function explainedOf(
  verdicts: readonly Verdict[], changes: readonly Counterfactual[], looked: readonly string[], currency: string,
): ExplainedContract[] {
  const byContract = new Map(changes.map((change) => [change.contractId, change]));
  return verdicts.map(({ contractId, clientId, code, gates, limit, detail, rank }) => {
    const isLooked = looked.includes(contractId);
    const change = byContract.get(contractId) ?? null;
    return {
      contractId, clientId, code, gates, limit: limit ?? null, detail: detail ?? null, rank: rank ?? null,
      change: change && changeOf(change), looked: isLooked,
      words: wordsFor({ contractId, clientId, code, gates, limit, detail, rank }, isLooked ? change : undefined, currency),
    };
  });
}

function changeOf({ kind, id, path, from, to, words }: Counterfactual): Omit<Counterfactual, 'contractId'> {
  return { kind, id, path, from: from ?? null, to: to ?? null, words };
}

/** Whether a decision that was made again is the one that stands. */
export function isSame(decision: Decision, receipt: Receipt, outcome: string): boolean {
  const again = decision.picks.map(({ contractId, priceMinor, rule }) => `${contractId} ${priceMinor} ${rule}`).join();
  const stands = receipt.picks.map(({ contractId, priceMinor, rule }) => `${contractId} ${priceMinor} ${rule}`).join();
  return again === stands && (decision.kind === 'distributed') === (outcome === 'distributed');
}

/** A lead's story before a round, as near as what became of it since lets one know. */
export function lifeBefore(life: Life, round: number): Life {
  const picks = life.picks.filter((pick) => pick.round < round);
  return { ...life, picks, rounds: round - 1, minimumsMet: life.minimumsMet && picks.length > 0, counted: round === 1 ? [] : life.counted };
}

/** What was asked, as near as the receipt tells: it does not hold the contracts that a person named, only what became of them. */
export function requestBefore(receipt: Receipt, trigger: Trigger, lead: Lead, market: Market): Request {
  const { workflowId, picks, verdicts, considered, actor } = receipt;
  const isOther = workflowId !== undefined && workflowId !== market.workflowOf(lead.campaignId)?.id && market.workflows.has(workflowId);
  const isByHand = trigger === 'cherryPick' || picks.some(({ rule }) => rule === 'manual')
    || (trigger === 'manual' && considered.inScope === verdicts.length && !verdicts.some(({ rank }) => rank));
  const overrides = [...new Set(picks.flatMap(({ overridden }) => overridden ?? []))];
  return {
    trigger, ...(isOther ? { workflow: workflowId } : {}), ...(isByHand ? { contracts: verdicts.map(({ contractId }) => contractId) } : {}),
    ...(actor === undefined ? {} : { actor }), ...(overrides.length > 0 ? { overrides } : {}),
  };
}
