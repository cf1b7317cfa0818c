/** Who runs the scripts of a configuration: libs/scripts does. This library decides with whatever hooks it is given. */
import type { Decision, Hooks } from './decision.js';
import type { ConfigDocument } from './document.js';
import type { Lead } from './lead.js';
import type { Market } from './market.js';
import type { State } from './state.js';

export interface ScriptCase { readonly market: Market; readonly state: State; readonly lead: Lead }

export interface ScriptHost {
  /** Hooks for decisions on the market as it is; undefined where it has no script that is on. */
  hooksOf(market: Market, state: State): Hooks | undefined;
  /**
   * Leads that will be decided at the instant, told beforehand: what scripts say of them can be found out meanwhile. It changes no
   * decision.
   */
  ahead?(cases: readonly ScriptCase[], now: number): void;
  /** Moves what hangs on how the scripts did in a decision; asked once for each that is not only tried. */
  settled(state: State, decision: Decision, now: number): void;
}

/** Throws RangeError where scripts are on and nobody runs them: without them the decisions would be others. */
export function expectHost(document: ConfigDocument, host: ScriptHost | undefined): void {
  const script = host ? undefined : document.scripts?.find(({ status }) => status === 'active');
  if (script) throw new RangeError(`script ${script.id}: nothing here runs scripts`);
}
