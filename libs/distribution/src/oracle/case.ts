/** A random case: a scenario, and what can happen to the live functions that no scenario can say. */
import type { Scenario, ScenarioLead, ScenarioStep } from '../scenario.js';
import type { Scripts } from './scripts.js';

/** A lead of a campaign, '' where it has none; its source may name a distribution list too. */
export type CaseLead = ScenarioLead & { campaign: string; sourceList?: string };

/** What comes of a reservation long after it was made: an answer at last, a bounce after the fact, or a person who lets it go. */
export interface Late { lead: string; contract: string; outcome: 'accepted' | 'rejected' | 'failed' | 'released' }

export type CaseStep = ScenarioStep
  | { at: string; late: Late }
  /** The circuit of a delivery method is open until then. */
  | { at: string; suspend: { method: string; until: string } };

export type LeadStep = Extract<ScenarioStep, { lead: ScenarioLead }> & { lead: CaseLead };

export interface Case extends Omit<Scenario, 'timeline'> { timeline?: CaseStep[]; scripts?: Scripts }

/** Without what only the live functions know. */
export function asScenario(drawn: Case): Scenario {
  const timeline = drawn.timeline?.map((step) => (
    'lead' in step && step.lead.campaign === '' ? { ...step, lead: { ...step.lead, campaign: undefined } } : step));
  return { ...drawn, timeline: timeline as ScenarioStep[] | undefined };
}
