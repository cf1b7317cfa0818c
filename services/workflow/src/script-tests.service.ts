import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { ConfigDocument, Script, ScriptTest } from '@sluice/distribution';
import { Sandbox, testScript, type Tested } from '@sluice/scripts';
import type { DocumentFault } from './faults.js';
import { scriptFaults } from './script-faults.js';

/** What was tested lately: an apply tests all scripts of a document, and mostly none of them has changed. */
const REMEMBERED_MAX = 500;

/** Runs the test cases of scripts. One sandbox a process, started by the first script. */
@Injectable()
export class ScriptTests implements OnApplicationShutdown {
  private readonly sandbox = new Sandbox();
  private readonly remembered = new Map<string, Tested>();

  /** What keeps a document from being applied; of one script, or of all. */
  faultsOf(document: ConfigDocument, only?: string): DocumentFault[] {
    return scriptFaults((script, whole) => this.tested(script, whole), document, only);
  }

  tested(script: Script, document: ConfigDocument): Tested {
    const { code, tests, limits } = script;
    const fields = (document.campaigns ?? []).map((campaign) => [campaign.id, campaign.fields]);
    const key = JSON.stringify([code, tests, limits, contractsOf(tests, document), document.timezone, fields]);
    const known = this.remembered.get(key);
    if (known) return known;
    const tested = testScript(this.sandbox, script, document);
    // What the clock ended may pass on a machine that does less.
    if (tested.fault?.reason === 'time') return tested;
    if (this.remembered.size >= REMEMBERED_MAX) this.remembered.delete(this.remembered.keys().next().value!);
    this.remembered.set(key, tested);
    return tested;
  }

  onApplicationShutdown(): void {
    this.sandbox.stop();
  }
}

/** The contracts that tests name, with their clients: as these change, so may the answers. */
function contractsOf(tests: readonly ScriptTest[] = [], { contracts = [], clients = [] }: ConfigDocument): unknown {
  const named = new Set(tests.flatMap(({ contract, plan = [] }) => [contract, ...plan]).filter((given) => typeof given === 'string'));
  if (named.size === 0) return [];
  return contracts.filter(({ id }) => named.has(id)).map((contract) => [contract, clients.find(({ id }) => id === contract.client)]);
}
