/**
 * What scripts say of leads that are decided next, found out while something else goes on. It is asked about every contract whose criteria
 * let the lead in; the decision takes of it what passed the gates. As a script says of one contract what it says of no other, that is the
 * same as if it had been asked then; where anything differs or failed, it is asked then.
 */
import type { AskedContract, Market } from '@sluice/distribution';
import type { Judged, LoadedScript } from './loaded-script.js';
import type { Request, Sandbox, Told } from './sandbox.js';

interface Asked { script: LoadedScript; lead: string; contracts: readonly AskedContract[]; clients: readonly unknown[]; place: number }

/** Those that are being decided and those after them, of a few partitions that take turns. */
const BATCHES = 8;

export class Ahead {
  /** By market and lead. */
  private batches: { market: WeakMap<Market, Map<string, Asked[]>>; told: () => readonly Told[] }[] = [];
  private requests: Request[] = [];
  private market = new WeakMap<Market, Map<string, Asked[]>>();

  constructor(private readonly sandbox: Sandbox) {}

  /** Adds a question to the next batch; `lead` is the lead's facts as JSON. */
  add(market: Market, leadId: string, script: LoadedScript, lead: string, contracts: readonly AskedContract[]): void {
    const request = contracts.length > 0 ? script.request(lead, contracts) : undefined;
    if (!request) return;
    let ofMarket = this.market.get(market);
    if (!ofMarket) this.market.set(market, (ofMarket = new Map()));
    const asked = { script, lead, contracts, clients: contracts.map(({ client }) => client.body), place: this.requests.push(request) - 1 };
    const others = ofMarket.get(leadId);
    if (others) others.push(asked); else ofMarket.set(leadId, [asked]);
  }

  /** Sends the batch off. What was sent long before is forgotten. */
  begin(): void {
    if (this.requests.length > 0) this.batches.push({ market: this.market, told: this.sandbox.begin(this.requests) });
    if (this.batches.length > BATCHES) this.batches.shift();
    this.requests = [];
    this.market = new WeakMap();
  }

  /** What was found out about these contracts, in the order of the list, and how long it took; undefined where that is not all of them. */
  answer(
    market: Market, leadId: string, script: LoadedScript, lead: string, contracts: readonly AskedContract[],
  ): { judged: Judged; microseconds: number } | undefined {
    for (const batch of this.batches) {
      const asked = batch.market.get(market)?.get(leadId)?.find((one) => one.script === script && one.lead === lead);
      const told = asked && batch.told()[asked.place];
      if (!told || told.text.startsWith('{"hook":')) continue;
      const judged = narrowed(JSON.parse(told.text) as Judged, asked, contracts);
      if (judged) return { judged, microseconds: told.microseconds };
    }
    return undefined;
  }
}

/** Both lists are in order of entry. A contract that was changed since is another one. */
function narrowed(judged: Judged, { contracts, clients }: Asked, wanted: readonly AskedContract[]): Judged | undefined {
  if (judged.fault) return undefined;
  const { refusals, scores } = judged;
  const places: number[] = [];
  let at = 0;
  for (const { id, body, client } of wanted) {
    while (at < contracts.length && contracts[at]!.id !== id) at++;
    if (at === contracts.length || contracts[at]!.body !== body || clients[at] !== client.body) return undefined;
    places.push(at++);
  }
  return { refusals: refusals && places.map((place) => refusals[place]!), scores: scores && places.map((place) => scores[place]!) };
}
