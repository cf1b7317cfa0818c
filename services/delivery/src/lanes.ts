/**
 * Who may send now. Every endpoint has a lane of its own width: it grows by one with each answer and halves with each failure, so that
 * a client that hangs soon holds one request. What hangs for more than a second is counted apart from the rest, and so cannot use up
 * the room of those that answer. Knows no clock and sends nothing: works are functions that it calls when their turn comes.
 */
export interface LaneLimits {
  readonly total: number;
  readonly perEndpoint: number;
}

interface Lane {
  width: number;
  running: number;
  /** Most that the method's document allows. */
  cap: number;
  latencyMs: number;
  readonly waiting: (() => void)[];
}

/** Few enough that a newcomer which hangs costs little, enough that one which answers is at full width within three rounds. */
const WIDTH_FIRST = 8;
const SLOW_MS = 1_000;
/**
 * Endpoints that answer fast get more than they can send at once: work for so long, so that it lasts until the next claim has come, up to
 * so many times their width, and to half of all that is claimed. Measured: with three times it, half of the time nothing was at hand.
 */
const AHEAD_MS = 200;
const AHEAD_MAX = 7;
const LANES_KEPT = 10_000;

export class Lanes {
  private readonly lanes = new Map<string, Lane>();
  private readonly begun = new Map<number, number>();
  private next = 0;
  private held = 0;

  constructor(private readonly limits: LaneLimits) {}

  /** How many deliveries may be claimed in all, so that what is claimed is begun soon. */
  room(now: number): number {
    let slow = 0;
    for (const begun of this.begun.values()) {
      if (now - begun < SLOW_MS) break;
      slow++;
    }
    const overSlow = Math.max(0, slow - 4 * this.limits.total);
    return Math.max(0, 2 * this.limits.total - (this.held - slow) - overSlow);
  }

  /** How many may be claimed of each endpoint that is known here; of others `rest`. */
  quotas(): { named: Map<string, number>; rest: number } {
    const named = new Map<string, number>();
    for (const [endpointId, lane] of this.lanes) {
      const width = Math.min(lane.width, lane.cap);
      const ahead = lane.latencyMs > 0 && width >= WIDTH_FIRST ? Math.min(AHEAD_MAX, Math.floor(AHEAD_MS / lane.latencyMs)) : 0;
      const most = Math.min(width * (1 + ahead), Math.max(width, this.limits.total));
      const room = Math.max(0, most - lane.running - lane.waiting.length);
      // With enough at hand it is claimed by the handful: a claim for each answer would cost a commit for each.
      named.set(endpointId, ahead > 0 && room < most / 3 && lane.waiting.length > 0 ? 0 : room);
    }
    return { named, rest: Math.min(WIDTH_FIRST, this.limits.perEndpoint) };
  }

  /** Runs the work when the endpoint's lane has room; the answer of `work` tells how it went. */
  run(endpointId: string, cap: number | undefined, now: () => number, work: () => Promise<'good' | 'bad' | 'neutral'>): void {
    const lane = this.laneOf(endpointId, cap);
    this.held++;
    const begin = () => {
      lane.running++;
      const place = this.next++;
      const start = now();
      this.begun.set(place, start);
      void work().then((how) => {
        this.begun.delete(place);
        lane.running--;
        this.held--;
        this.adjust(lane, how, now() - start);
        while (lane.waiting.length > 0 && lane.running < Math.min(lane.width, lane.cap)) lane.waiting.shift()!();
      });
    };
    if (lane.running < Math.min(lane.width, lane.cap)) begin();
    else lane.waiting.push(begin);
  }

  /** Nothing of this endpoint runs or waits to. */
  isIdle(endpointId: string): boolean {
    const lane = this.lanes.get(endpointId);
    return !lane || lane.running + lane.waiting.length === 0;
  }

  /** Works that run or wait. */
  get size(): number {
    return this.held;
  }

  private adjust(lane: Lane, how: 'good' | 'bad' | 'neutral', tookMs: number): void {
    if (how === 'neutral') return;
    lane.width = how === 'good' ? Math.min(this.limits.perEndpoint, lane.width + 1) : Math.max(1, Math.floor(lane.width / 2));
    lane.latencyMs = lane.latencyMs === 0 ? Math.max(1, tookMs) : lane.latencyMs * 0.9 + tookMs * 0.1;
  }

  private laneOf(endpointId: string, cap: number | undefined): Lane {
    let lane = this.lanes.get(endpointId);
    if (!lane) {
      this.forget();
      lane = { width: Math.min(WIDTH_FIRST, this.limits.perEndpoint), running: 0, cap: Number.MAX_SAFE_INTEGER, latencyMs: 0, waiting: [] };
      this.lanes.set(endpointId, lane);
    }
    lane.cap = cap ?? Number.MAX_SAFE_INTEGER;
    return lane;
  }

  private forget(): void {
    if (this.lanes.size < LANES_KEPT) return;
    for (const [endpointId, lane] of this.lanes) {
      if (lane.running === 0 && lane.waiting.length === 0) this.lanes.delete(endpointId);
      if (this.lanes.size < LANES_KEPT) return;
    }
  }
}
