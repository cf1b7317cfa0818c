/** Scripts (A7) of a random case: what they answer is drawn from the names alone, so that both readings can ask the same scripts. */
import { murmur3 } from '@sluice/kernel';
import type { Hooks } from '../decision.js';

/** One contract in so many is refused or taken out of a plan; scores go below so many. 0 = no such hook. */
export interface Scripts { filter: number; score: number; drop: number }

const draw = (what: string, lead: string, contract: string) => murmur3([what, lead, contract].join('|'));

export function refuses({ filter }: Scripts, lead: string, contract: string): boolean {
  return filter > 0 && draw('filter', lead, contract) % filter === 0;
}

export function scoreOf({ score }: Scripts, lead: string, contract: string): number {
  return score > 0 ? draw('score', lead, contract) % score : 0;
}

export function drops({ drop }: Scripts, lead: string, contract: string): boolean {
  return drop > 0 && draw('drop', lead, contract) % drop === 0;
}

/** The same as the decision asks them. */
export function hooksOf(scripts: Scripts): Hooks {
  return {
    judge: ({ leadId }, contracts) => ({
      refusals: scripts.filter > 0 ? contracts.map(({ id }) => (refuses(scripts, leadId, id) ? 'drawn' : null)) : null,
      scores: scripts.score > 0 ? contracts.map(({ id }) => scoreOf(scripts, leadId, id)) : null,
    }),
    afterPlan: ({ leadId }, contracts) => contracts.map(({ id }) => id).filter((id) => !drops(scripts, leadId, id)),
  };
}
