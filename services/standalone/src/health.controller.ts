import { Controller, Get, Header } from '@nestjs/common';
import { Bus } from '@sluice/bus';
import { Database } from '@sluice/db';
import { Allow, Problem } from '@sluice/runtime';
import { collectDefaultMetrics, Gauge, register } from 'prom-client';

const groups = ['intake', 'workflow', 'engine', 'delivery', 'gateway'] as const;

/** Whether the process lives, whether it may be given work, and what it has to say to Prometheus. No ids, no names of tenants. */
@Controller()
export class HealthController {
  private readonly lagEvents = gauge('sluice_consumer_lag', 'Events that a group has not handled yet.');
  private readonly lagSeconds = gauge('sluice_consumer_lag_seconds', 'Age of the oldest event that a group has not handled yet.');

  constructor(private readonly database: Database, private readonly bus: Bus) {
    if (!register.getSingleMetric('process_cpu_seconds_total')) collectDefaultMetrics();
  }

  @Get('health')
  @Allow('public')
  health() {
    return { status: 'alive' };
  }

  @Get('ready')
  @Allow('public')
  async ready() {
    try {
      await this.database.pool.query('SELECT 1');
    } catch {
      throw new Problem(503, 'not_ready', 'Postgres does not answer.');
    }
    return { status: 'ready', groups: await this.lags() };
  }

  @Get('metrics')
  @Allow('public')
  @Header('content-type', 'text/plain; version=0.0.4')
  async metrics(): Promise<string> {
    for (const [group, lag] of Object.entries(await this.lags())) {
      this.lagEvents.set({ group }, lag.events);
      this.lagSeconds.set({ group }, lag.seconds);
    }
    return register.metrics();
  }

  private async lags(): Promise<Record<string, { events: number; seconds: number }>> {
    const all = await Promise.all(groups.map(async (group) => {
      const lags = await this.bus.lag(group);
      const events = lags.reduce((sum, lag) => sum + lag.head - lag.position, 0);
      return [group, { events, seconds: Math.max(0, ...lags.map((lag) => lag.ageMs)) / 1_000 }] as const;
    }));
    return Object.fromEntries(all);
  }
}

function gauge(name: string, help: string): Gauge<'group'> {
  return (register.getSingleMetric(name) as Gauge<'group'> | undefined) ?? new Gauge({ name, help, labelNames: ['group'] });
}
