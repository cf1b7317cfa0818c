/** A lead as the decision sees it: ids, facts and attributes, nothing personal. And its story so far, small enough to be kept with it. */

export interface Lead {
  leadId: string;
  tenantId: string;
  campaignId: string;
  sourceId?: string;
  channel?: string;
  country?: string;
  /** Epoch milliseconds. */
  receivedAt: number;
  /** By field name; strings compare without regard to case and surrounding space. Derived ones are named `zip.state`, `birthDate.age`. */
  attributes: Readonly<Record<string, string | number | boolean | null>>;
  lat?: number;
  lon?: number;
  /** Keyed hashes of the person. */
  phoneHash?: string;
  emailHash?: string;
  duplicate?: boolean;
  score?: number;
  /** Distribution list that the lead, or its source, names. */
  list?: string;
  sourceList?: string;
  /** Ids of the clients the person agreed to; unset = consent is not bound to buyers. */
  consent?: readonly string[];
}

export type HoldingState = 'reserved' | 'accepted' | 'rejected' | 'failed' | 'returned' | 'cherryPicked' | 'released';

/** A counter moved by a reservation: its key and by how much. A release moves it back. Those of caps are not among them: see `also`. */
export type Unit = readonly [key: string, amount: number];

/** What a rotation was before it moved, so that a turn can be given back (RR2). */
export interface Turn { key: string; was: number; now: number }

/** One outbound lead of an inbound lead. */
export interface Holding {
  outboundLeadId: string;
  contractId: string;
  clientId: string;
  contractGroup?: string;
  /** `<workflow>/<rule>` that picked it; `manual`, `force`, `cherryPick`, or of push the strategy. */
  rule: string;
  state: HoldingState;
  /** Of a cherry-picked one, which stays that: the client's system took it as well. */
  accepted?: true;
  /** Minor units as text: JSON has no bigint. Fixed at the reservation. */
  price: string;
  /** Instant of the reservation, epoch ms. */
  at?: number;
  /**
   * Whose caps count it besides its contract's and its client's: `campaign|solar`, `group|gold`; of a push those on its way alone.
   * Unset: it counts in no cap.
   */
  also?: string[];
  maxShareCount?: number;
  /** Hash of the contract's terms it was offered on: who turned a lead down is tried again only when they changed. */
  terms: number;
  /** Distribution attempt that reserved it. */
  round: number;
  /** Counters it moved. */
  units: Unit[];
  turns?: Turn[];
  order?: string;
  /** Keys of the lead's persons that the contract remembers (look-back for duplicates). */
  persons?: string[];
}

/** The story of a lead so far, kept with it as JSON. A new lead's is `newLife()`. */
export interface Life {
  picks: Holding[];
  /** Distribution attempts so far. */
  rounds: number;
  /** The workflow's minimums were met once (K3). */
  minimumsMet: boolean;
  /** Rules whose minimum turnover was met once (K2). */
  rulesMet: string[];
  /** What counted this lead already: rules and percentage limits with their buckets, each once (P1, P3). */
  counted: string[];
  /** Push only: nobody could take it since this instant (D4). */
  heldSince?: number;
}

export function newLife(): Life {
  return { picks: [], rounds: 0, minimumsMet: false, rulesMet: [], counted: [] };
}
