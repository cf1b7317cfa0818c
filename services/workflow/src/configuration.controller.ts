import { Body, Controller, Get, Headers, HttpCode, Param, Post, Put, Query, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiHeader, ApiOperation, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Database } from '@sluice/db';
import { Allow, Caller, pageOf, pageSizeOf, Problem, readCursor, type Principal } from '@sluice/runtime';
import type { FastifyReply } from 'fastify';
import { stringify } from 'yaml';
import { linkOf, type Answer } from './answer.js';
import { inlineSchema } from './api-schema.js';
import { ConfigurationService, type Standing } from './configuration.service.js';
import { ConfigurationStore } from './configuration.store.js';
import { ConfigurationVersion } from './configuration-version.entity.js';
import { documentSchema, jsonSchema } from './document.js';
import { takers } from './taken.service.js';
import { documentOfBody, WriteService } from './write.service.js';

const documentBody = { schema: inlineSchema(documentSchema) };

/** The configuration as one document: applied, compared, exported, by version. */
@ApiTags('configuration')
@Controller('v1')
@Allow('admin')
export class ConfigurationController {
  constructor(
    private readonly configurations: ConfigurationService, private readonly writes: WriteService,
    private readonly store: ConfigurationStore, private readonly database: Database,
  ) {}

  @Get('configuration')
  @ApiOperation({ summary: 'Exports the configuration: YAML where Accept asks for application/yaml, else JSON' })
  @ApiQuery({ name: 'version', required: false, schema: { type: 'integer' }, description: 'A version that is past; the current one unless given.' })
  async export(
    @Caller() caller: Principal, @Query('version') version: string | undefined, @Headers('accept') accept: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const standing = await this.standing(caller, version);
    const yaml = /\byaml\b/i.test(accept ?? '');
    await reply.header('etag', `"${standing.version}"`).header('vary', 'accept')
      .type(yaml ? 'application/yaml; charset=utf-8' : 'application/json; charset=utf-8')
      .send(yaml ? stringify(standing.document, { version: '1.2', lineWidth: 140 }) : JSON.stringify(standing.document));
  }

  @Put('configuration')
  @ApiOperation({ summary: 'Applies a whole document: what is not in it is removed. Answers once intake, engine and delivery have taken it in' })
  @ApiConsumes('application/yaml', 'application/json')
  @ApiBody(documentBody)
  @ApiQuery({ name: 'dryRun', required: false, schema: { type: 'boolean' }, description: 'Checks and compares, and applies nothing.' })
  @ApiHeader({ name: 'Prefer', required: false, description: 'wait=SECONDS for intake, engine and delivery to take it in, or respond-async.' })
  @ApiHeader({ name: 'If-Match', required: false, description: 'The version that the document was made from, as its ETag.' })
  @ApiResponse({ status: 200, description: 'Applied, and taken in everywhere.' })
  @ApiResponse({ status: 202, description: 'Applied; a service has yet to take it in. Location says where to look.' })
  @ApiResponse({ status: 422, description: 'Refused whole, with every fault and its pointer.' })
  async apply(
    @Caller() caller: Principal, @Body() body: unknown, @Query('dryRun') dryRun: string | undefined,
    @Headers('prefer') prefer: string | undefined, @Headers('if-match') ifMatch: string | undefined, @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Answer | Omit<Answer, 'taken' | 'link'>> {
    const document = await documentOfBody(body);
    this.writes.refuseFailing(document);
    const warnings = this.writes.warningsOf(document);
    if (dryRun !== undefined && dryRun !== 'false') {
      const { version, changes } = await this.configurations.differenceTo(caller.tenantId, document);
      return { version, changed: changes.length, changes, warnings };
    }
    const answer = await this.writes.write(caller, prefer, ({ version }) => {
      if (ifMatch !== undefined && ifMatch !== '*' && ifMatch !== `"${version}"`) {
        throw new Problem(412, 'version_changed', `The configuration is at version ${version} by now; read it again and apply your change to that.`);
      }
      return document;
    });
    void reply.header('etag', `"${answer.version}"`);
    if (!answer.taken) void reply.status(202).header('location', answer.link);
    return { ...answer, warnings };
  }

  @Post('configuration::diff')
  @HttpCode(200)
  @ApiOperation({ summary: 'Says what an apply of the document would change' })
  @ApiConsumes('application/yaml', 'application/json')
  @ApiBody(documentBody)
  async diff(@Caller() caller: Principal, @Body() body: unknown): Promise<Pick<Answer, 'version' | 'changes'>> {
    return this.configurations.differenceTo(caller.tenantId, await documentOfBody(body));
  }

  @Get('configuration/schema')
  @Allow('public')
  @ApiOperation({ summary: 'JSON Schema of the document' })
  schema(): unknown {
    return jsonSchema();
  }

  @Get('configuration/versions')
  @ApiOperation({ summary: 'Versions, newest first' })
  async versions(
    @Caller() caller: Principal, @Query('limit') limit: string | undefined, @Query('cursor') cursor: string | undefined,
  ): Promise<unknown> {
    const size = pageSizeOf(limit);
    const rows = await this.database.transaction({ service: 'workflow', tenants: [caller.tenantId] }, (tx) => {
      const query = tx.manager.createQueryBuilder(ConfigurationVersion, 'v').where('v.tenantId = :tenantId', caller)
        .orderBy('v.version', 'DESC').take(size + 1);
      if (cursor !== undefined) query.andWhere('v.version < :after', { after: Number(readCursor(cursor, [/^\d{1,9}$/])![0]) });
      return query.getMany();
    });
    return pageOf(rows, size, shownVersion, ({ version }) => String(version));
  }

  @Get('configuration/versions/:version')
  @ApiOperation({ summary: 'One version, and which services have taken it in' })
  async version(@Caller() caller: Principal, @Param('version') text: string): Promise<unknown> {
    const version = versionOf(text);
    return this.database.transaction({ service: 'workflow', tenants: [caller.tenantId] }, async (tx) => {
      const row = await tx.manager.findOneBy(ConfigurationVersion, { tenantId: caller.tenantId, version });
      if (!row) throw new Problem(404, 'no_such_version', `There is no version ${version}.`);
      const reports = new Map((await this.store.reports(tx, [caller.tenantId])).map((report) => [report.service, report.version]));
      const services = Object.fromEntries(takers.map((service) => [service, (reports.get(service) ?? 0) >= version]));
      return { ...shownVersion(row), taken: Object.values(services).every(Boolean), services, link: linkOf(version) };
    });
  }

  private standing({ tenantId }: Principal, version: string | undefined): Promise<Standing> {
    return version === undefined ? this.configurations.current(tenantId) : this.configurations.at(tenantId, versionOf(version));
  }
}

function versionOf(text: string): number {
  const version = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  if (Number.isNaN(version)) throw new Problem(400, 'invalid_version', `Expected the number of a version, got ${JSON.stringify(text)}.`);
  return version;
}

function shownVersion(row: ConfigurationVersion) {
  const { version, appliedAt, actor, added, changed, removed } = row;
  return { version, appliedAt: appliedAt.toISOString(), actor, added, changed, removed };
}
