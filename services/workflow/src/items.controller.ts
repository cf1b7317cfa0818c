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
  orders: 'orders', pushStrategies: 'push-strategies',
};

type WriteAnswer = Answer & { readonly item: Shown['body'] | null };

/** One controller a section, so that each has its own paths in the API's description. */
export function itemsControllerOf(section: Section): Type<unknown> {
  const path = paths[section];
  const one = sections[section];
  const body = { schema: inlineSchema(itemSchemas[one]) };

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
    async one(
      @Caller() caller: Principal, @Param('id') id: string, @Headers('if-none-match') known: string | undefined,
      @Res({ passthrough: true }) reply: FastifyReply,
    ): Promise<unknown> {
      const { body: item, version } = await this.items.one(caller.tenantId, section, id);
      void reply.header('etag', `"${version}"`);
      if (known === `"${version}"`) {
        void reply.status(304);
        return undefined;
      }
      return item;
    }

    @Post()
    @HttpCode(201)
    @ApiOperation({ summary: `Makes a ${one}` })
    @ApiBody(body)
    @Writes(201)
    async create(
      @Caller() caller: Principal, @Body() item: unknown, @Headers('prefer') prefer: string | undefined,
      @Res({ passthrough: true }) reply: FastifyReply,
    ): Promise<WriteAnswer> {
      const written = await this.items.create(caller, prefer, section, item);
      return answered(reply, written, 201, `/v1/${path}/${String(written.item?.['id'])}`);
    }

    @Put(':id')
    @ApiOperation({ summary: `Replaces a ${one}; needs If-Match with its ETag` })
    @ApiBody(body)
    @Writes(200, true)
    async replace(
      @Caller() caller: Principal, @Param('id') id: string, @Body() item: unknown, @Headers('if-match') ifMatch: string | undefined,
      @Headers('prefer') prefer: string | undefined, @Res({ passthrough: true }) reply: FastifyReply,
    ): Promise<WriteAnswer> {
      return answered(reply, await this.items.replace(caller, prefer, section, { id, ifMatch }, item), 200);
    }

    @Patch(':id')
    @ApiOperation({ summary: `Changes a ${one} by JSON Merge Patch (null removes a key); needs If-Match with its ETag` })
    @ApiConsumes('application/merge-patch+json', 'application/json')
    @ApiBody({ schema: { type: 'object', description: `Keys of the ${one} to change.` } })
    @Writes(200, true)
    async patch(
      @Caller() caller: Principal, @Param('id') id: string, @Body() patch: unknown, @Headers('if-match') ifMatch: string | undefined,
      @Headers('prefer') prefer: string | undefined, @Res({ passthrough: true }) reply: FastifyReply,
    ): Promise<WriteAnswer> {
      return answered(reply, await this.items.patch(caller, prefer, section, { id, ifMatch }, patch), 200);
    }

    @Delete(':id')
    @ApiOperation({ summary: `Removes a ${one}; refused while something names it` })
    @Writes(200)
    async remove(
      @Caller() caller: Principal, @Param('id') id: string, @Headers('if-match') ifMatch: string | undefined,
      @Headers('prefer') prefer: string | undefined, @Res({ passthrough: true }) reply: FastifyReply,
    ): Promise<WriteAnswer> {
      return answered(reply, await this.items.remove(caller, prefer, section, { id, ifMatch }), 200);
    }
  }
  // Nest and OpenAPI know a controller by its class's name.
  Object.defineProperty(ItemsController, 'name', { value: `${one.charAt(0).toUpperCase()}${one.slice(1)}Controller` });
  return ItemsController;
}

function Queries(...names: readonly string[]): MethodDecorator {
  return applyDecorators(...names.map((name) => ApiQuery({ name, required: false, schema: { type: name === 'limit' ? 'integer' : 'string' } })));
}

/** What every write may be answered; a change of what is there names what it changes. */
function Writes(status: number, needsMatch = false): MethodDecorator {
  return applyDecorators(
    ApiHeader({ name: 'Prefer', required: false, description: 'wait=SECONDS for intake, engine and delivery to take it in, or respond-async.' }),
    ApiHeader({ name: 'If-Match', required: needsMatch, description: 'The ETag that GET gave.' }),
    ApiResponse({ status, description: 'Done, and taken in everywhere.' }),
    ApiResponse({ status: 202, description: 'Done; a service has yet to take it in. Location or Link says where to look.' }),
    ApiResponse({ status: 409, description: 'It is there already, or something names it.' }),
    ...(needsMatch ? [ApiResponse({ status: 412, description: 'Somebody else changed it.' }), ApiResponse({ status: 428, description: 'If-Match is missing.' })] : []),
    ApiResponse({ status: 422, description: 'Refused, with every fault and its pointer.' }),
  );
}

/** 202 and where to look, while a service has yet to take the version in. */
function answered(reply: FastifyReply, { answer, item, itemVersion }: Written, status: number, location?: string): WriteAnswer {
  void reply.header('etag', `"${itemVersion}"`).status(answer.taken ? status : 202);
  if (location) void reply.header('location', location);
  if (!answer.taken) void reply.header('link', `<${answer.link}>; rel="monitor"`).header('location', location ?? answer.link);
  return { ...answer, item };
}
