import 'reflect-metadata';
import { createServer } from 'node:net';
import { Module, type DynamicModule, type LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { busMigrations, BusTransport, type Bus } from '@sluice/bus';
import { Database, Statistics } from '@sluice/db';
import {
  AccessRules, armCrashPoint, HttpServiceClient, type KeyValue, LocalKeyValue, type Log, RedisKeyValue, startTelemetry, SystemClock,
  traceRequests,
  type ServiceDefinition,
} from '@sluice/runtime';
import { openBus, startRelay } from './bus.js';
import type { Role, Settings } from './config.js';
import { serveDocs } from './docs.js';
import { DrainingAdapter } from './draining-adapter.js';
import { HealthController } from './health.controller.js';
import { InfraModule, type Infra } from './infra.module.js';
import { authenticatorsOf, everyService, senderOf, servicesOf } from './services.js';

export interface PlatformOptions {
  readonly settings: Settings;
  readonly databaseUrl: string;
  /** The services of this process. */
  readonly roles: readonly Role[];
  readonly serviceSecret: string;
  readonly log: Log;
  /** What the services' own settings are read from. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Routes beside the API, such as the clients of the demo. */
  readonly mount?: (server: FastifyInstance) => void;
  readonly port?: number;
}

export interface Platform {
  readonly url: string;
  readonly database: Database;
  readonly bus: Bus;
  readonly app: NestFastifyApplication;
  /** Stops HTTP, then consumers at the end of a batch, then jobs, and closes the pool last. */
  close(): Promise<void>;
}

/** Starts the given roles in this process: the same modules whether they are one or all. Answers once the API can be called. */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const { settings, log } = options;
  armCrashPoint(settings.SLUICE_CRASH_AT);
  const role = options.roles.length > 2 ? 'all' : options.roles.join('+');
  const collector = settings.OTEL_EXPORTER_OTLP_ENDPOINT;
  const telemetry = collector ? startTelemetry(role, collector, settings.SLUICE_TRACE_RATIO) : undefined;
  const clock = new SystemClock();
  const database = await Database.open({
    url: options.databaseUrl, poolMax: settings.SLUICE_POOL, applicationName: `sluice-${role}`,
    migrations: [...busMigrations, ...everyService.flatMap((service) => [...service.migrations])] as never,
    entities: everyService.flatMap((service) => [...service.entities]),
  });
  await database.migrate();
  const statistics = new Statistics(database, (error) => log.warn({ error: error.message }, 'the planner\'s statistics cannot be renewed'));
  statistics.start();
  const bus = await openBus({ settings, database, log, clock });
  const keyValue: KeyValue = settings.REDIS_URL ? await RedisKeyValue.connect(settings.REDIS_URL) : new LocalKeyValue(clock);
  const port = options.port ?? await freePortFrom(settings.SLUICE_HOST, settings.SLUICE_PORT);
  const url = `http://${settings.SLUICE_HOST === '0.0.0.0' ? '127.0.0.1' : settings.SLUICE_HOST}:${port}`;
  const services = new HttpServiceClient((service) => addressOf(service, settings) ?? url, options.serviceSecret, clock);
  const sender = senderOf(settings, url, Boolean(options.mount));
  const infra: Infra = { database, bus, clock, sender, keyValue, services, log };

  const access = new AccessRules(options.serviceSecret);
  const app = await createApp(infra, options, access);
  access.authenticators.push(...authenticatorsOf(app, options.roles));
  const server = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  if (telemetry) traceRequests(server);
  options.mount?.(server);
  // Whoever opens the address in a browser wants to see what there is.
  server.get('/', (_, reply) => reply.redirect('/docs'));
  const gateway = options.roles.includes('gateway');
  const elsewhere = gateway ? forwarded.filter((service) => !options.roles.includes(service)) : [];
  const docs = serveDocs(app, {
    intake: options.roles.includes('intake'), others: elsewhere.flatMap((service) => addressOf(service, settings) ?? []),
  });
  app.connectMicroservice({ strategy: new BusTransport(bus) });
  // HTTP first: a service may be asked by another while it still takes its partitions.
  await app.listen(port, settings.SLUICE_HOST);
  await app.startAllMicroservices();
  const relay = options.roles.includes('relay') && settings.KAFKA_BROKERS ? await startRelay({ settings, database, log, clock }) : undefined;
  log.info({ url, roles: options.roles, log: settings.KAFKA_BROKERS ? 'kafka' : 'postgres', redis: Boolean(settings.REDIS_URL) }, 'started');
  return {
    url, database, bus, app,
    async close() {
      docs.stop();
      await app.close();
      await relay?.close();
      await bus.close();
      await keyValue.close();
      await services.close();
      await telemetry?.shutdown();
      await statistics.stop();
      await database.close();
    },
  };
}

/** Whose public routes the gateway forwards where they are processes of their own. */
const forwarded = ['intake', 'workflow', 'engine', 'delivery'] as const;

@Module({})
class PlatformModule {
  static with(infra: Infra, options: PlatformOptions, access: AccessRules): DynamicModule {
    const definitions = servicesOf(options.roles);
    return {
      module: PlatformModule,
      global: true,
      imports: [InfraModule.with(infra), ...definitions.map((definition) => definition.module(configOf(definition, options.environment)))],
      controllers: [HealthController],
      providers: [{ provide: AccessRules, useValue: access }],
      exports: [AccessRules],
    };
  }
}

function createApp(infra: Infra, options: PlatformOptions, access: AccessRules): Promise<NestFastifyApplication> {
  const adapter = new DrainingAdapter({ bodyLimit: 16 * 1024 * 1024, forceCloseConnections: 'idle', requestTimeout: 0, routerOptions: { maxParamLength: 300 } });
  takeNothing(adapter.getInstance() as unknown as FastifyInstance);
  return NestFactory.create<NestFastifyApplication>(PlatformModule.with(infra, options, access), adapter, {
    logger: nestLogger(infra.log), abortOnError: false, forceCloseConnections: true,
  });
}

/** A request without a body may name a media type, as many clients do with every one: nothing is no JSON that is broken. */
function takeNothing(server: FastifyInstance): void {
  server.addHook('onRequest', (request, _, done) => {
    const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
    if (encoding === undefined && (length === undefined || length === '0')) delete request.headers['content-type'];
    done();
  });
}

/** The settings of a service from the environment; a fault names the variable. */
function configOf(definition: ServiceDefinition, environment: PlatformOptions['environment']): unknown {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = definition.config.safeParse(given);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`);
  throw new Error(`The settings of ${definition.name} cannot be used:\n${faults.join('\n')}`);
}

function addressOf(service: string, settings: Settings): string | undefined {
  const addresses: Record<string, string | undefined> = {
    intake: settings.SLUICE_INTAKE_URL, workflow: settings.SLUICE_WORKFLOW_URL, engine: settings.SLUICE_ENGINE_URL,
    delivery: settings.SLUICE_DELIVERY_URL, gateway: settings.SLUICE_GATEWAY_URL,
  };
  return addresses[service];
}

/** The port itself, or the next that is free: somebody else's server must not keep a newcomer from starting. */
async function freePortFrom(host: string, first: number): Promise<number> {
  for (let port = first; port < first + 50; port++) {
    const free = await new Promise<boolean>((resolve) => {
      const probe = createServer().once('error', () => resolve(false)).listen(port, host, () => probe.close(() => resolve(true)));
    });
    if (free) return port;
  }
  throw new Error(`No port from ${first} to ${first + 49} is free on ${host}. Name one with SLUICE_PORT.`);
}

/** Nest's own words: only what went wrong. */
function nestLogger(log: Log): LoggerService {
  return {
    log: () => undefined,
    error: (message: unknown) => log.error({ from: 'nest' }, String(message)),
    warn: (message: unknown) => log.warn({ from: 'nest' }, String(message)),
  };
}
