/**
 * What a person may ask for of a lead: that the rules of a workflow or chosen contracts get it (A3), or that a client takes it from the
 * pool (A4). Says every fault at once, each with its place.
 */
import { GATES, type Gate } from '@sluice/distribution';
import type { Fault } from '@sluice/runtime';
import { z } from 'zod';
import { suggestion } from './faults.js';

/** Text that Postgres can keep: it has no place for NUL. */
const kept = (max: number) => z.string().trim().min(1).max(max).regex(/^[^\0]*$/, 'expected text without NUL');
const id = kept(200);
const words = kept(500);

/** Of a lead or an outbound lead, as it stands in a path. */
export const IdInPath = z.string().regex(/^[\x21-\x7e]{1,200}$/, 'expected an id');

/** Who asks, where it is another than the key's owner: a user of a portal. */
const by = kept(200).optional();

export const NewDistribution = z.strictObject({
  contracts: z.array(id).min(1).max(100).optional().describe('These contracts, in this order. Either these or `rules`.'),
  rules: id.optional().describe('The workflow whose rules decide.'),
  overrides: z.array(z.string()).max(GATES.length).optional().describe('Gates that are passed over; needs a reason.'),
  reason: words.optional(), by,
});
export type NewDistribution = z.output<typeof NewDistribution>;

export const NewCherryPick = z.strictObject({ contract: id.describe('The contract that takes the lead from the pool.'), by, reason: words.optional() });
export type NewCherryPick = z.output<typeof NewCherryPick>;

export const NewReturn = z.strictObject({
  reason: words.describe('Why it is given back.'),
  by: by.describe("Who approved it, where it is another than the key's owner."),
});
export type NewReturn = z.output<typeof NewReturn>;

/** A request as it is kept and said. */
export interface Asked {
  readonly kind: 'manual' | 'cherryPick';
  /** Empty: by the rules of `workflowId`. */
  readonly contracts: readonly string[];
  readonly workflowId: string | undefined;
  readonly overrides: readonly Gate[];
  readonly reason: string | undefined;
  readonly by: string | undefined;
  /** Where the body names contracts, for faults: `/contracts/0`. */
  readonly pointerOf: (place: number) => string;
}

/** Never passed over, by nobody: a lead has no more buyers than each of them accepts, and goes to a client once. */
const SACRED: Readonly<Partial<Record<Gate, string>>> = {
  share_count: 'share_count cannot be passed over: no buyer shares a lead with more others than its contract accepts (M2).',
  already_received: 'already_received cannot be passed over: one inbound lead is never sold twice to one client (M5).',
};

/** A body → the request, or every fault of it. Whether contracts and workflow exist is asked of the configuration. */
export function askedOf(body: NewDistribution): { readonly asked: Asked } | { readonly faults: readonly Fault[] } {
  const faults: Fault[] = [];
  const say = (pointer: string, code: string, message: string) => void faults.push({ pointer, code, message });
  const { contracts = [], rules, overrides = [], reason } = body;
  if ((rules === undefined) === (contracts.length === 0)) {
    say(rules === undefined ? '/contracts' : '/rules', 'contradiction', 'Send either "contracts", the ids of chosen ones, or "rules", the id of a workflow.');
  }
  overrides.forEach((code, place) => {
    const sacred = SACRED[code as Gate];
    if (sacred) say(`/overrides/${place}`, 'cannot_be_overridden', sacred);
    else if (!isGate(code)) say(`/overrides/${place}`, 'unknown_gate', `There is no gate "${code}"${suggestion(code, GATES) || `; there are ${GATES.join(', ')}`}.`);
  });
  if (overrides.length > 0 && reason === undefined) say('/reason', 'required', 'Say why gates are passed over: it is kept with the request.');
  if (faults.length > 0) return { faults };
  return { asked: {
    kind: 'manual', contracts: [...new Set(contracts)], workflowId: rules, overrides: [...new Set(overrides.filter(isGate))], reason, by: body.by,
    pointerOf: (place) => `/contracts/${contracts.indexOf([...new Set(contracts)][place]!)}`,
  } };
}

export function cherryPickOf({ contract, reason, by: actor }: NewCherryPick): Asked {
  return { kind: 'cherryPick', contracts: [contract], workflowId: undefined, overrides: [], reason, by: actor, pointerOf: () => '/contract' };
}

/** What makes two requests the same under one key: all that was asked, in one spelling. */
export function spelling(leadId: string, asked: Asked, actor: string): string {
  const { kind, contracts, workflowId = null, overrides, reason = null } = asked;
  return JSON.stringify([leadId, kind, contracts, workflowId, overrides, reason, actor]);
}

function isGate(code: string): code is Gate {
  return (GATES as readonly string[]).includes(code);
}
