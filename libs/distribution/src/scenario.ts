/** A scenario: a document with a time line, as parsed (`config: ./file.yaml` already read). Instants are ISO text. */
import type { ScriptNote } from './decision.js';
import type { ConfigDocument } from './document.js';

export interface ScenarioLead {
  id: string;
  /** Unset: it is distributed by hand or taken from the pool (A1). */
  campaign?: string;
  fields?: Record<string, string | number | boolean | null>; lat?: number; lon?: number; source?: string;
  channel?: string; country?: string; score?: number; duplicate?: boolean; list?: string; consent?: string[];
  phone?: string; email?: string;
  receivedAt?: string;
}

export type ScenarioStep = { at: string } & (
  | { lead: ScenarioLead; rejectedBy?: string[]; failedBy?: string[]; unansweredBy?: string[] }
  | { set: Record<string, unknown> }
  | { remove: Record<string, string[]> }
  | { distribute: { lead: string; contracts?: string[]; rules?: string; by?: string; overrides?: string[] } }
  | { cherryPick: { lead: string; contract: string; by?: string } }
  | { return: { lead: string; contract: string } }
  | { window: { lead: string; action: 'open' | 'pause' | 'resume' | 'stop' | 'edit'; length?: string; every?: string } }
  | { seen: { user: string } }
);

export interface Expectations {
  assigned?: Record<string, string[]>;
  refused?: Record<string, Record<string, string>>;
  counts?: Record<string, number>;
  windows?: Record<string, string>;
  unsold?: Record<string, string>;
}

export interface Scenario {
  name?: string; config: ConfigDocument; timeline?: ScenarioStep[]; until?: string; expect?: Expectations;
  /** Seed of what is drawn at random. */
  seed?: string;
}

/** One attempt, as `--json` prints it: `JSON.stringify(line)`. */
export interface AttemptLine {
  at: string; lead: string; trigger: string; assigned: { contract: string; price: string }[]; refused: Record<string,
  string>; reason: string | null;
  /** What became of the scripts that are on; absent where there are none. */
  scripts?: readonly ScriptNote[];
}
export interface SummaryLine { summary: { counts: Record<string, number>; turnover: string; windows: Record<string, string>;
  unsold: Record<string, string> } }

/** An expectation that does not hold. */
export interface Failure { what: string; expected: unknown; got: unknown }

/** A step that the platform would refuse at that moment, such as a pause of a window that has expired: nothing came of it. */
export interface RefusedStep { step: number; why: string }

export interface SimulationResult {
  name?: string; lines: AttemptLine[]; summary: SummaryLine; failures: Failure[]; refusedSteps: RefusedStep[];
}
