import { Injectable } from '@nestjs/common';
import { lint, type ConfigDocument, type Finding } from '@sluice/distribution';
import { Log, Problem, type Principal } from '@sluice/runtime';
import { linkOf, waitMsOf, type Answer } from './answer.js';
import { WorkflowSettings } from './config.js';
import { ConfigurationService, type Edit } from './configuration.service.js';
import type { DocumentFault } from './faults.js';
import { readDocument } from './read-document.service.js';
import { ScriptTests } from './script-tests.service.js';
import { TakenService } from './taken.service.js';
import { undeliverable } from './undeliverable.js';

/** An answer tells so many at most. */
const WARNINGS_MAX = 200;

/** A write of the configuration by HTTP: checked, made one version, and answered once the services have taken it in. */
@Injectable()
export class WriteService {
  constructor(
    private readonly configurations: ConfigurationService, private readonly taken: TakenService,
    private readonly settings: WorkflowSettings, private readonly log: Log, private readonly scripts: ScriptTests,
  ) {}

  /** Scripts that are to run must pass their tests: a Problem 422 where one does not. `only`: that script. */
  refuseFailing(document: ConfigDocument, only?: string, shown = (faults: DocumentFault[]) => faults): void {
    const faults = this.scripts.faultsOf(document, only);
    if (faults.length > 0) throw refusalOf(shown(faults), 'Scripts are refused that do not pass their tests; nothing is applied.');
  }

  /** Writes, then waits as the caller prefers. `taken` false: the time was over first. */
  async write(caller: Principal, prefer: string | undefined, edit: Edit): Promise<Answer> {
    const { version, changes } = await this.configurations.write(caller, edit);
    // Without a version there is nothing to take in: an empty document was applied to nothing.
    const taken = version === 0
      || await this.taken.until(caller.tenantId, version, waitMsOf(prefer, this.settings.values.SLUICE_CONFIGURATION_WAIT_MS));
    return { version, changed: changes.length, changes, taken, warnings: [], link: linkOf(version) };
  }

  /** What the linter says of a document. A linter that fails keeps no sound document out. */
  warningsOf(document: ConfigDocument): readonly Finding[] {
    try {
      return [...lint(document), ...undeliverable(document)].slice(0, WARNINGS_MAX);
    } catch (error) {
      this.log.error({ error: error instanceof Error ? error.message : 'unknown' }, 'the linter failed on a sound document');
      return [];
    }
  }
}

/** A body as text (YAML or JSON) or as parsed JSON → the document; a Problem 422 with every fault where it is not sound. */
export async function documentOfBody(body: unknown): Promise<ConfigDocument> {
  const checked = await readDocument(body);
  if (checked.faults) throw refusalOf(checked.faults, 'The document is refused, and nothing is applied.');
  return checked.document;
}

/** problem+json names so many faults at most: a file that is no document at all has thousands. */
const FAULTS_MAX = 200;

export function refusalOf(faults: readonly DocumentFault[], sentence: string): Problem {
  const first = faults[0]!;
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : '';
  const status = first.code === 'syntax' ? 400 : 422;
  return new Problem(status, first.code === 'syntax' ? 'unreadable_document' : 'invalid_document', `${sentence} ${first.path}: ${first.message}${more}`,
    // Where a document cannot be read there is no pointer yet: the line says where.
    faults.slice(0, FAULTS_MAX).map(({ pointer, code, message, path }) => ({ pointer, code, message: code === 'syntax' ? `${path}: ${message}` : message })));
}
