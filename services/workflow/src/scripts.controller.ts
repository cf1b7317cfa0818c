import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Script } from '@sluice/distribution';
import type { TestResult } from '@sluice/scripts';
import { Allow, Caller, Problem, type Principal } from '@sluice/runtime';
import { inlineSchema } from './api-schema.js';
import { ConfigurationService } from './configuration.service.js';
import { itemSchemas } from './document.js';
import { findItem } from './edit-item.js';
import { checkSchema } from './faults.js';
import { ScriptTests } from './script-tests.service.js';
import { refusalOf } from './write.service.js';

const tried = itemSchemas.script.pick({ code: true, tests: true, limits: true }).partial();

interface Report {
  readonly id: string;
  readonly passed: boolean;
  readonly hooks: readonly string[];
  /** Why the code cannot be run at all. */
  readonly fault: string | null;
  readonly tests: readonly TestResult[];
}

/** Runs a script's test cases without saving anything. */
@ApiTags('scripts')
@Controller('v1/scripts/:id/test')
@Allow('admin')
export class ScriptTestsController {
  constructor(private readonly configurations: ConfigurationService, private readonly tests: ScriptTests) {}

  @Post()
  @HttpCode(200)
  @ApiOperation({ summary: 'Runs the test cases of a script, as it stands or with the code and tests of the body; saves nothing' })
  @ApiBody({ schema: inlineSchema(tried), required: false })
  @ApiResponse({ status: 200, description: 'Each test with what was expected and what came.' })
  @ApiResponse({ status: 404, description: 'There is no such script, and the body has no code.' })
  async test(@Caller() caller: Principal, @Param('id') id: string, @Body() body: unknown): Promise<Report> {
    const checked = checkSchema(tried, body ?? {});
    if ('faults' in checked) throw refusalOf(checked.faults, 'The script is not run.');
    const { document } = await this.configurations.current(caller.tenantId);
    const script = { ...(findItem(document, 'scripts', id) as unknown as Script | undefined), ...checked.value, id };
    if (script.code === undefined) throw new Problem(404, 'no_such_item', `There is no script "${id}"; send its code to try one that is not saved.`);
    const { fault, hooks, results } = this.tests.tested(script as Script, document);
    const isWhole = fault === undefined && hooks.length > 0 && results.length === (script.tests ?? []).length;
    const passed = isWhole && results.every((result) => result.passed);
    return { id, passed, hooks, fault: fault?.words ?? null, tests: results };
  }
}
