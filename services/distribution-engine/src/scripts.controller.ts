import { Controller, Get, Param } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { timingKey } from '@sluice/scripts';
import { Allow, Caller, Problem, type Principal } from '@sluice/runtime';
import { AnswersStore } from './answers.store.js';
import { Engine } from './engine.service.js';
import { reportOf, type ScriptReport } from './script-report.js';
import { ScriptsStore } from './scripts.store.js';

/** What scripts did. */
@ApiTags('scripts')
@Controller()
export class ScriptReportsController {
  constructor(private readonly scripts: ScriptsStore, private readonly answers: AnswersStore, private readonly engine: Engine) {}

  @Get('/v1/scripts/:id/report')
  @Allow('admin')
  @ApiOperation({
    summary: 'What a script did, or in shadow would have done, by version',
    description: 'Counted with every attempt. "lost" and "won" are leads that each contract would have lost and won by a script in shadow.',
  })
  async report(@Caller() { tenantId }: Principal, @Param('id') id: string): Promise<ScriptReport> {
    const { counts, examples } = await this.scripts.report(tenantId, id);
    const script = (await this.answers.market(tenantId)).scripts.find((one) => one.id === id);
    if (!script && counts.length === 0) throw new Problem(404, 'unknown_script', `There is no script "${id}", and there was none that had a say.`);
    const microseconds = (part: number) => (script ? this.engine.scripts.timings.percentile(timingKey(script), part) : null);
    return reportOf(id, counts, examples, { p50: microseconds(0.5), p99: microseconds(0.99) });
  }
}
