/** What became of every script of a configuration in a decision: those with a note, and why the others have none. For a person. */
import type { ScriptNote } from './decision.js';
import type { Lead } from './lead.js';
import type { Market } from './market.js';

/** A note with a sentence; `reason` also `off`, `campaign`, and `mode` where the attempt was none by the rules. */
export interface ScriptStanding extends ScriptNote { sentence: string }

/** In order of entry. `notes`: those of the decision, whose market and lead these are. */
export function scriptStandings(market: Market, lead: Lead, notes: readonly ScriptNote[] = []): ScriptStanding[] {
  return market.scripts.map((script) => {
    const { id, version = 1, status = 'off', campaigns } = script;
    const note: ScriptNote = notes.find((one) => one.id === id) ?? {
      id, version, status: 'notTriggered',
      reason: status === 'off' ? 'off' : campaigns?.length && !campaigns.includes(lead.campaignId) ? 'campaign' : 'mode',
    };
    return { ...note, sentence: sentenceOf(note, lead) };
  });
}

function sentenceOf({ id, version, status, reason = '', words, hook, lost = [], won = [] }: ScriptNote, { campaignId }: Lead): string {
  const script = `Script ${id} (version ${version})`;
  if (status === 'applied') return `${script} had its say.`;
  if (status === 'failed') return `${script} failed in ${hook ?? 'a hook'} and was left out: ${words ?? reason}.`;
  if (status === 'shadow') {
    if (lost.length + won.length === 0) return `${script} ran in shadow and would have changed nothing.`;
    const changes = [...lost.length > 0 ? [`taken it from ${lost.join(', ')}`] : [], ...won.length > 0 ? [`given it to ${won.join(', ')}`] : []];
    return `${script} ran in shadow and would have ${changes.join(' and ')}.`;
  }
  return `${script} was not asked: ${WHY[reason] ?? reason}${reason === 'campaign' ? ` ${campaignId}` : ''}${words === undefined ? '' : ` (${words})`}.`;
}

const WHY: Readonly<Record<string, string>> = {
  off: 'it is off', campaign: 'it is not attached to the campaign', when: 'its criteria do not hold', suspended: 'it is left alone',
  contracts: 'none of the contracts that it is attached to passed the gates', noContracts: 'no contract passed the gates',
  mode: 'the attempt was none that scripts have a say in',
};
