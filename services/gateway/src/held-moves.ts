/**
 * Leads that come to be held and leave it again, within one batch. Whether a lead was held before the batch only the database knows: such
 * moves are left open for it.
 */

/** What a lead became when it was held no more. */
export interface Left {
  readonly stage: 'distributed' | 'unsold';
  readonly reason: string;
}

export interface OpenMove {
  readonly tenantId: string;
  readonly leadId: string;
  readonly at: number;
  /** Undefined: it is held now. */
  readonly left: Left | undefined;
}

interface Standing { readonly tenantId: string; readonly leadId: string; isHeld: boolean; isMoved: boolean }

/** Adds to the count of a stage. */
type Add = (tenantId: string, at: number, stage: string, reason?: string, amount?: number) => void;

export class HeldMoves {
  /** Counted by the database: if a lead was held, or was not, before the batch. */
  readonly open: OpenMove[] = [];
  private readonly standing = new Map<string, Standing>();

  constructor(private readonly add: Add) {}

  /** A lead's first attempt: nothing held it before. `left` as in `move`. */
  first(tenantId: string, leadId: string, at: number, left: Left | undefined): void {
    if (left) return this.add(tenantId, at, left.stage, left.reason);
    this.standing.set(`${tenantId}\n${leadId}`, { tenantId, leadId, isHeld: true, isMoved: true });
    this.add(tenantId, at, 'held');
  }

  /** A later attempt. `left`: what became of the lead where it is held no more; undefined where it is. */
  move(tenantId: string, leadId: string, at: number, left: Left | undefined): void {
    const key = `${tenantId}\n${leadId}`;
    const known = this.standing.get(key);
    if (!known) {
      this.open.push({ tenantId, leadId, at, left });
      this.standing.set(key, { tenantId, leadId, isHeld: left === undefined, isMoved: false });
      return;
    }
    if (known.isHeld === (left === undefined)) return;
    known.isHeld = !known.isHeld;
    known.isMoved = true;
    this.add(tenantId, at, 'held', '', known.isHeld ? 1 : -1);
    if (left) this.add(tenantId, at, left.stage, left.reason);
  }

  /** Leads that moved on within the batch, once the open moves are settled; `isHeld`: where they stand after it. */
  moved(isHeld: boolean): readonly Pick<Standing, 'tenantId' | 'leadId'>[] {
    return [...this.standing.values()].filter((one) => one.isMoved && one.isHeld === isHeld);
  }
}
