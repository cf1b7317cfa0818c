import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Module, Res } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply } from 'fastify';
import { DrainingAdapter } from './draining-adapter.js';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

@Controller()
class SlowController {
  @Get('slow')
  async slow(): Promise<object> {
    await pause(400);
    return { done: true };
  }

  @Get('v1/stream')
  stream(@Res() reply: FastifyReply): void {
    reply.hijack();
    reply.raw.writeHead(200, { 'content-type': 'text/event-stream' });
    reply.raw.write('data: first\n\n');
  }
}

@Module({ controllers: [SlowController] })
class SlowModule {}

async function start(drainMs?: number): Promise<{ app: NestFastifyApplication; url: string }> {
  const adapter = new DrainingAdapter({ forceCloseConnections: 'idle' }, drainMs);
  const app = await NestFactory.create<NestFastifyApplication>(SlowModule, adapter, { logger: false, forceCloseConnections: true });
  await app.listen(0, '127.0.0.1');
  return { app, url: await app.getUrl() };
}

describe('a process that is stopped', () => {
  it('answers what it has begun, and takes nothing new', async () => {
    const { app, url } = await start();
    const answer = fetch(`${url}/slow`).then((response) => response.json());
    await pause(100);
    const closed = app.close();
    await pause(50);
    await expect(fetch(`${url}/slow`)).rejects.toThrow();
    expect(await answer).toEqual({ done: true });
    await closed;
  });

  it('waits for no stream, and for nothing longer than it may', async () => {
    const { app, url } = await start(100);
    const stream = await fetch(`${url}/v1/stream`);
    const late = fetch(`${url}/slow`);
    late.catch(() => undefined);
    await pause(50);
    const began = performance.now();
    await app.close();
    expect(performance.now() - began).toBeLessThan(350);
    await expect(late).rejects.toThrow();
    await expect(stream.text()).rejects.toThrow();
  });
});
