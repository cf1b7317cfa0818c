/** What is surely or probably not meant in a document that is valid: told on `lint`, and as warnings on every apply. */
import type { ConfigDocument } from './document.js';
import { campaignFindings } from './lint-campaigns.js';
import { contractFindings, orderFindings } from './lint-contracts.js';
import { outlineOf, type Finding, type Warn } from './lint-outline.js';
import { phaseFindings } from './lint-phases.js';
import { pushFindings } from './lint-push.js';
import { scriptFindings } from './lint-scripts.js';
import { workflowFindings } from './lint-workflows.js';

export type { Finding } from './lint-outline.js';

export interface LintOptions {
  /** Leads a day of a campaign, where known: what a reset starves is then said exactly. */
  volumes?: Readonly<Record<string, number>>;
}

/** Findings in the order of the document. */
export function lint(document: ConfigDocument, { volumes = {} }: LintOptions = {}): Finding[] {
  const outline = outlineOf(document, volumes);
  const findings: Finding[] = [];
  const at = (path: string): Warn => (code, inside, message, level = 'warning') =>
    findings.push({ level, code, path: inside ? `${path}.${inside}` : path, message });
  outline.contracts.forEach((contract, place) => contractFindings(outline, contract, at(`contracts[${place}]`)));
  (document.campaigns ?? []).forEach((campaign, place) => campaignFindings(outline, campaign, at(`campaigns[${place}]`)));
  for (const { workflow, place } of outline.workflowsOf.values()) {
    workflowFindings(outline, workflow, at(`workflows[${place}]`));
    phaseFindings(outline, workflow, at(`workflows[${place}]`));
  }
  (document.pushStrategies ?? []).forEach((strategy, place) => pushFindings(outline, strategy, at(`pushStrategies[${place}]`)));
  (document.orders ?? []).forEach((order, place) => orderFindings(outline, order, at(`orders[${place}]`)));
  (document.scripts ?? []).forEach((script, place) => findings.push(...scriptFindings(outline, script, `scripts[${place}]`)));
  return findings;
}
