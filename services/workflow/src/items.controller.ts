import { applyDecorators, Body, Controller, Delete, Get, Headers, HttpCode, Param, Patch, Post, Put, Query, Res, type Type } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiHeader, ApiOperation, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Allow, Caller, type Principal } from '@sluice/runtime';
import type { FastifyReply } from 'fastify';
import type { Answer } from './answer.js';
import { inlineSchema } from './api-schema.js';
import { itemSchemas, sections, type Section } from './document.js';
import { filtersOf, ItemsService, type Shown, type Written } from './items.service.js';

/** Public paths of the sections of a document. */
export const paths: Readonly<Record<Section, string>> = {
  clients: 'clients', contracts: 'contracts', campaigns: 'campaigns', workflows: 'workflows', deliveryMethods: 'delivery-methods', lists: 'lists',
  orders: 'orders', pushStrategies: 'push-strategies', scripts: 'scripts',
};

type WriteAnswer = Answer & { readonly item: Shown['body'] | null };
type Given = Readonly<Record<string, string | undefined>>;

const passthrough = { passthrough: true } as const;

/** One controller a section, so that each has its own paths in the API's description. */
export function itemsControllerOf(section: Section): Type<unknown> {
  const path = paths[section];
  const one = sections[section];
  const schema = inlineSchema(itemSchemas[one]);

  @ApiTags(path)
  @Controller(`v1/${path}`)
  @Allow('admin')
  class ItemsController {
    constructor(private readonly items: ItemsService) {}

    @Get()
    @ApiOperation({ summary: `Lists: ${section}` })
    @Queries(...filtersOf(section), 'limit', 'cursor')
    list(@Caller() caller: Principal, @Query() query: Record<string, string>): Promise<unknown> {
      return this.items.list(caller.tenantId, section, query);
    }

    @Get(':id')
    @ApiOperation({ summary: `One ${one}; its ETag is the version that gave it its form` })
    async one(@Caller() caller: Principal, @Param('id') id: string, @Headers() given: Given, @Res(passthrough) reply: FastifyReply) {
      const { body: item, version } = await this.items.one(caller.tenantId, section, id);
      void reply.header('etag', `"${version}"`);
      if (given['if-none-match'] !== `"${version}"`) return item;
      void reply.status(304);
      return undefined;
    }

    @Post()
    @HttpCode(201)
    @Writes(`Makes a ${one}`, { status: 201, schema })
    async create(@Caller() caller: Principal, @Body() item: unknown, @Headers() given: Given, @Res(passthrough) reply: FastifyReply) {
      const written = await this.items.create(caller, given['prefer'], section, item);
      return answered(reply, written, 201, `/v1/${path}/${String(written.item?.['id'])}`);
    }

    @Put(':id')
    @Writes(`Replaces a ${one}; needs If-Match with its ETag`, { needsMatch: true, schema })
    async replace(
      @Caller() caller: Principal, @Param('id') id: string, @Body() item: unknown, @Headers() given: Given, @Res(passthrough) reply: FastifyReply,
    ) {
      return answered(reply, await this.items.replace(caller, given['prefer'], section, { id, ifMatch: given['if-match'] }, item), 200);
    }

    @Patch(':id')
    @ApiConsumes('application/merge-patch+json', 'application/json')
    @Writes(`Changes a ${one} by JSON Merge Patch (null removes a key); needs If-Match with its ETag`, { needsMatch: true, schema: patchSchema })
    async patch(
      @Caller() caller: Principal, @Param('id') id: string, @Body() patch: unknown, @Headers() given: Given, @Res(passthrough) reply: FastifyReply,
    ) {
      return answered(reply, await this.items.patch(caller, given['prefer'], section, { id, ifMatch: given['if-match'] }, patch), 200);
    }

    @Delete(':id')
    @Writes(`Removes a ${one}; refused while something names it`)
    async remove(@Caller() caller: Principal, @Param('id') id: string, @Headers() given: Given, @Res(passthrough) reply: FastifyReply) {
      return answered(reply, await this.items.remove(caller, given['prefer'], section, { id, ifMatch: given['if-match'] }), 200);
    }
  }
  // Nest and OpenAPI know a controller by its class's name.
  Object.defineProperty(ItemsController, 'name', { value: `${one.charAt(0).toUpperCase()}${one.slice(1)}Controller` });
  return ItemsController;
}

const patchSchema = { type: 'object', description: 'The keys to change.' };

function Queries(...names: readonly string[]): MethodDecorator {
  return applyDecorators(...names.map((name) => ApiQuery({ name, required: false, schema: { type: name === 'limit' ? 'integer' : 'string' } })));
}

interface WriteTerms {
  readonly status?: number;
  readonly needsMatch?: boolean;
  readonly schema?: Record<string, unknown>;
}

/** What a write takes and may be answered; a change of what is there names what it changes. */
function Writes(summary: string, { status = 200, needsMatch = false, schema }: WriteTerms = {}): MethodDecorator {
  const answers: readonly (readonly [code: number, description: string])[] = [
    [status, 'Done, and taken in everywhere.'],
    [202, 'Done; a service has yet to take it in. Location or Link says where to look.'],
    [409, 'It is there already, or something names it.'],
    ...(needsMatch ? [[412, 'Somebody else changed it.'], [428, 'If-Match is missing.']] as const : []),
    [422, 'Refused, with every fault and its pointer.'],
  ];
  return applyDecorators(
    ApiOperation({ summary }),
    ...(schema ? [ApiBody({ schema })] : []),
    ApiHeader({ name: 'Prefer', required: false, description: 'wait=SECONDS for intake, engine and delivery to take it in, or respond-async.' }),
    ApiHeader({ name: 'If-Match', required: needsMatch, description: 'The ETag that GET gave.' }),
    ...answers.map(([code, description]) => ApiResponse({ status: code, description })),
  );
}

/** 202 and where to look, while a service has yet to take the version in. */
function answered(reply: FastifyReply, { answer, item, itemVersion }: Written, status: number, location?: string): WriteAnswer {
  void reply.header('etag', `"${itemVersion}"`).status(answer.taken ? status : 202);
  if (location) void reply.header('location', location);
  if (!answer.taken) void reply.header('link', `<${answer.link}>; rel="monitor"`).header('location', location ?? answer.link);
  return { ...answer, item };
}
