import { Agent, request } from 'undici';
import { sampleLeads } from './lead-generator.js';
import { SystemClock } from '@sluice/runtime';

const clock = new SystemClock();

/**
 * Posts sample leads at a steady rate until it is stopped, in turn for each campaign. What is refused is counted by the platform itself.
 */
export function pourSampleLeads(url: string, sourceKeys: Readonly<Record<string, string>>, perSecond: number): { stop(): Promise<void> } {
  const agent = new Agent({ connections: 16 });
  const seed = process.pid + clock.now();
  const taps = Object.entries(sourceKeys).map(([campaign, key]) => ({ campaign, key, leads: sampleLeads(campaign, seed) }));
  const running = new Set<Promise<unknown>>();
  let turn = 0;
  const timer = setInterval(() => {
    // A platform that does not answer must not be buried under what it owes.
    if (taps.length === 0 || running.size > 64) return;
    const tap = taps[turn++ % taps.length]!;
    const posted = request(`${url}/v1/leads`, {
      method: 'POST', dispatcher: agent,
      headers: { authorization: `Bearer ${tap.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ campaign: tap.campaign, fields: tap.leads.next().value }),
    }).then((response) => response.body.dump()).catch(() => undefined).finally(() => running.delete(posted));
    running.add(posted);
  }, 1_000 / perSecond);
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(running);
      await agent.close();
    },
  };
}
