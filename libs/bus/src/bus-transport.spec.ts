import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { Controller, Module } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import type { Tx } from '@sluice/db';
import { LeadReceived, OutboundLeadAccepted, type Heard } from '@sluice/events';
import { BusTransport, eventsOf, Hears, type Batch, type Bus, type Consumer } from './index.js';

const heard: { leads: string[]; tx: Tx }[] = [];

@Controller()
class LeadsConsumer {
  @Hears({ group: 'leads', service: 'intake', batchMax: 50 }, LeadReceived, OutboundLeadAccepted)
  async hear(@Payload() batch: Batch, @Ctx() tx: Tx): Promise<void> {
    if (batch.partition === 7) throw new TypeError('no such column');
    await Promise.resolve();
    heard.push({ leads: eventsOf(batch, LeadReceived).map((event) => event.data.leadId), tx });
  }
}

@Controller()
class Rival {
  @Hears({ group: 'leads' }, LeadReceived)
  hear(): void {
    throw new Error('never called');
  }
}

@Module({ controllers: [LeadsConsumer] })
class LeadsModule {}

@Module({ controllers: [LeadsConsumer, Rival] })
class RivalModule {}

/** Only what the transport asks of a bus: it keeps the consumer, so that the test can call it as a driver would. */
class OpenBus {
  readonly consumers: Consumer[] = [];
  closed = 0;

  subscribe(consumer: Consumer) {
    this.consumers.push(consumer);
    return Promise.resolve({ close: () => Promise.resolve(void this.closed++) });
  }
}

const batchOf = (partition: number): Batch => ({
  group: 'leads', topic: 'sluice.intake', partition, first: 1, last: 1, parked: [],
  events: [{ seq: 1, id: 'e1', type: LeadReceived.type, subject: 'l1', tenantId: 't1', time: 0, traceparent: undefined, data: { leadId: 'l1' } } as Heard],
});

async function start(module: new () => object) {
  const bus = new OpenBus();
  const compiled = await Test.createTestingModule({ imports: [module] }).compile();
  const app = compiled.createNestApplication(new FastifyAdapter(), { logger: false });
  app.connectMicroservice({ strategy: new BusTransport(bus as unknown as Bus) });
  await app.startAllMicroservices();
  return { app, bus };
}

describe('the transport of Nest', () => {
  it('subscribes a consumer with the events and topics that its method names', async () => {
    const { app, bus } = await start(LeadsModule);
    expect(bus.consumers).toMatchObject([{
      group: 'leads', service: 'intake', batchMax: 50, topics: ['sluice.intake', 'sluice.delivery'], types: [LeadReceived.type, OutboundLeadAccepted.type],
    }]);
    await app.close();
    expect(bus.closed).toBe(1);
  });

  it('hands the whole batch and its transaction over, and answers once the method has', async () => {
    const { app, bus } = await start(LeadsModule);
    const tx = {} as Tx;
    await bus.consumers[0]!.handle(batchOf(3), tx);
    expect(heard).toEqual([{ leads: ['l1'], tx }]);
    expect(heard[0]!.tx).toBe(tx);
    await app.close();
  });

  it('lets the very error of the method reach the driver', async () => {
    const { app, bus } = await start(LeadsModule);
    await expect(bus.consumers[0]!.handle(batchOf(7), {} as Tx)).rejects.toThrow(new TypeError('no such column'));
    await app.close();
  });

  it('refuses two methods of one group, which would race in one transaction', async () => {
    await expect(start(RivalModule)).rejects.toThrow('group "leads" has two methods');
  });
});
