/** What the steps of a scenario name: leads that came before, and parts of the configuration that are there at the time. */
import type { ConfigDocument } from '@sluice/distribution';
import { sections, type Section } from './document.js';
import { faultAt, suggestion, type DocumentFault } from './faults.js';

type Path = readonly PropertyKey[];
type Step = Readonly<Record<string, Readonly<Record<string, unknown>> | string>>;

export function unknown(path: Path, section: Section, id: string, known: Iterable<string>): DocumentFault {
  return faultAt(path, 'unknown_reference', `no ${sections[section]} "${id}"${suggestion(id, known)}`);
}

export class Mentions {
  private readonly leads = new Set<string>();
  /** Contracts and recipients that there are at any time: who answers may come later than the lead. */
  private readonly ever: ReadonlySet<string>;
  private known = new Map<Section, ReadonlySet<string>>();
  private current: ConfigDocument;

  constructor(start: ConfigDocument, timeline: readonly Readonly<Record<string, unknown>>[]) {
    this.current = start;
    this.ever = new Set([...everIn(start), ...timeline.flatMap((step) => everIn(step['set']))]);
  }

  get document(): ConfigDocument {
    return this.current;
  }

  /** The document after a change. */
  set document(document: ConfigDocument) {
    this.current = document;
    this.known = new Map();
  }

  /** Faults of one step that changes nothing of the configuration. */
  check(given: Readonly<Record<string, unknown>>, place: number): DocumentFault[] {
    const step = given as Step;
    const at = (...path: Path) => ['timeline', place, ...path];
    if ('lead' in step) return this.arrival(given, at);
    for (const kind of ['distribute', 'cherryPick', 'return', 'window'] as const) {
      const said = step[kind] as Readonly<Record<string, unknown>> | undefined;
      if (!said) continue;
      const lead = String(said['lead']);
      if (!this.leads.has(lead)) {
        return [faultAt(at(kind, 'lead'), 'unknown_reference', `no lead "${lead}" came before${suggestion(lead, this.leads)}`)];
      }
      return [
        ...(kind === 'return' ? this.answering([said['contract']], at(kind, 'contract')) : this.some('contracts', [said['contract']], () => at(kind, 'contract'))),
        ...this.some('contracts', said['contracts'], (nth) => at(kind, 'contracts', nth)),
        ...this.some('workflows', [said['rules']], () => at(kind, 'rules')),
      ];
    }
    return [];
  }

  private arrival(step: Readonly<Record<string, unknown>>, at: (...path: Path) => Path): DocumentFault[] {
    const lead = step['lead'] as Readonly<Record<string, unknown>>;
    const id = String(lead['id']);
    if (this.leads.has(id)) return [faultAt(at('lead', 'id'), 'duplicate_id', `lead "${id}" came before; an id names one`)];
    this.leads.add(id);
    return [
      ...this.some('campaigns', [lead['campaign']], () => at('lead', 'campaign')), ...this.some('lists', [lead['list']], () => at('lead', 'list')),
      ...['rejectedBy', 'failedBy', 'unansweredBy'].flatMap((key) => this.answering(step[key], at(key))),
    ];
  }

  private answering(ids: unknown, path: Path): DocumentFault[] {
    return ((ids ?? []) as string[]).flatMap((id, nth) => (this.ever.has(id) ? []
      : [unknown(path.at(-1) === 'contract' ? path : [...path, nth], 'contracts', id, this.ever)]));
  }

  private some(section: Section, ids: unknown, at: (nth: number) => Path): DocumentFault[] {
    return ((ids ?? []) as (string | undefined)[]).flatMap((id, nth) => (id === undefined || this.idsOf(section).has(id) ? []
      : [unknown(at(nth), section, id, this.idsOf(section))]));
  }

  private idsOf(section: Section): ReadonlySet<string> {
    let ids = this.known.get(section);
    if (!ids) this.known.set(section, (ids = new Set((this.current[section] ?? []).map(({ id }) => id))));
    return ids;
  }
}

/** Ids of contracts and recipients in a document, or in a patch by ids. */
function everIn(source: unknown): string[] {
  const { contracts, pushStrategies } = (source ?? {}) as Readonly<Record<string, object | undefined>>;
  const ids = Array.isArray(contracts) ? (contracts as { id: string }[]).map(({ id }) => id) : Object.keys(contracts ?? {});
  const strategies = Object.values(pushStrategies ?? {}) as ({ recipients?: unknown; timeout?: unknown } | null)[];
  const named = strategies.flatMap((strategy) => [strategy?.recipients, strategy?.timeout].flat()) as ({ to?: string } | undefined)[];
  return [...ids, ...named.flatMap((each) => each?.to ?? [])];
}
