import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Patch, Post, Put, Query, Res, type Type } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { Allow, Caller, type Principal } from '@sluice/runtime';
import type { FastifyReply } from 'fastify';
import type { Answer } from './answer.js';
import { sections, type Section } from './document.js';
import { ItemsService, type Shown } from './items.service.js';

/** Public paths of the sections of a document. */
export const paths: Readonly<Record<Section, string>> = {
  clients: 'clients', contracts: 'contracts', campaigns: 'campaigns', workflows: 'workflows', deliveryMethods: 'delivery-methods', lists: 'lists',
  orders: 'orders', pushStrategies: 'push-strategies',
};

type Written = Answer & { readonly item: Shown['body'] | null };

/** One controller a section, so that each has its own paths in the API's description. */
export function itemsControllerOf(section: Section): Type<unknown> {
  const path = paths[section];
  const one = sections[section];
  const body = { schema: { type: 'object', description: `As in ${section} of the document; see /v1/configuration/schema.` } } as const;

  @ApiTags(path)
  @Controller(`v1/${path}`)
  @Allow('admin')
  class ItemsController {
    constructor(private readonly items: ItemsService) {}

    @Get()
    @ApiOperation({ summary: `Lists: ${section}` })
    @ApiQuery({ name: 'limit', required: false })
    @ApiQuery({ name: 'cursor', required: false })
    @ApiQuery({ name: 'filter', required: false, description: 'status, client, campaign (of contracts), contract (of orders), text (in id and name)' })
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
    async create(
      @Caller() caller: Principal, @Body() item: unknown, @Headers('prefer') prefer: string | undefined,
      @Res({ passthrough: true }) reply: FastifyReply,
    ): Promise<Written> {
      const answer = await this.items.create(caller, prefer, section, item);
      return answered(reply, answer, 201, `/v1/${path}/${String(answer.item?.['id'])}`);
    }

    @Put(':id')
    @ApiOperation({ summary: `Replaces a ${one}; needs If-Match with its ETag` })
    @ApiBody(body)
    async replace(
      @Caller() caller: Principal, @Param('id') id: string, @Body() item: unknown, @Headers('if-match') ifMatch: string | undefined,
      @Headers('prefer') prefer: string | undefined, @Res({ passthrough: true }) reply: FastifyReply,
    ): Promise<Written> {
      return answered(reply, await this.items.replace(caller, prefer, section, { id, ifMatch }, item), 200);
    }

    @Patch(':id')
    @ApiOperation({ summary: `Changes a ${one} by JSON Merge Patch (null removes a key); needs If-Match with its ETag` })
    @ApiConsumes('application/merge-patch+json', 'application/json')
    @ApiBody(body)
    async patch(
      @Caller() caller: Principal, @Param('id') id: string, @Body() patch: unknown, @Headers('if-match') ifMatch: string | undefined,
      @Headers('prefer') prefer: string | undefined, @Res({ passthrough: true }) reply: FastifyReply,
    ): Promise<Written> {
      return answered(reply, await this.items.patch(caller, prefer, section, { id, ifMatch }, patch), 200);
    }

    @Delete(':id')
    @ApiOperation({ summary: `Removes a ${one}; refused while something names it` })
    async remove(
      @Caller() caller: Principal, @Param('id') id: string, @Headers('if-match') ifMatch: string | undefined,
      @Headers('prefer') prefer: string | undefined, @Res({ passthrough: true }) reply: FastifyReply,
    ): Promise<Written> {
      return answered(reply, await this.items.remove(caller, prefer, section, { id, ifMatch }), 200);
    }
  }
  // Nest and OpenAPI know a controller by its class's name.
  Object.defineProperty(ItemsController, 'name', { value: `${one.charAt(0).toUpperCase()}${one.slice(1)}Controller` });
  return ItemsController;
}

/** 202 and where to look, while a service has yet to take the version in. */
function answered(reply: FastifyReply, answer: Written, status: number, location?: string): Written {
  void reply.header('etag', `"${answer.version}"`).status(answer.taken ? status : 202);
  if (location) void reply.header('location', location);
  if (!answer.taken) void reply.header('link', `<${answer.link}>; rel="monitor"`).header('location', location ?? answer.link);
  return answer;
}
