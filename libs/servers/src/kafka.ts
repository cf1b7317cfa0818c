import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { cacheFolder, searchedPath, serverEnvironment } from './config.js';
import { answers, endProcess, freePort, isAlive, lastLines, onPath, startDaemon, until, type Say } from './process.js';

const execute = promisify(execFile);

/** The version that is started where none is named. */
export const kafkaVersion = '4.1.1';

export interface KafkaOptions {
  /** Ours alone: the broker's log, its settings, `broker.log`. Made where it is missing; a broker left on it is taken over. */
  readonly dir: string;
  readonly version?: string;
  /** On 127.0.0.1; without it the one of the last start on this folder, or a free one. */
  readonly port?: number;
  readonly log?: Say;
  /** True: the broker goes on after this process has ended; whoever started it ends it. */
  readonly outlives?: boolean;
  /** True: a broker that dies is started again on the same ports, as long as this process lives. Not after `kill` or `stop`. */
  readonly revive?: boolean;
  /** Settings of server.properties that go before ours. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface RunningKafka {
  /** host:port, for kafkajs; the same after a restart. */
  readonly brokers: readonly string[];
  readonly version: string;
  readonly dir: string;
  /** Of the process that runs now, or ran last. */
  readonly pid: number;
  /** In order: SIGTERM, and SIGKILL after half a minute. */
  stop(): Promise<void>;
  /** SIGKILL, as a power cut would. */
  kill(): Promise<void>;
  /** Starts it again on the same ports and data, and returns when it serves. */
  restart(): Promise<void>;
}

/** Why a broker cannot be started here from its jars, or undefined where it can. Takes as long as `java -version`. */
export function whyNoKafka(version: string = kafkaVersion): string | undefined {
  const java = onPath('java', searchedPath());
  if (!java) return 'there is no `java` on the PATH (17 or newer is needed)';
  // macOS has a `java` that only says that there is none.
  const { stderr } = spawnSync(java, ['-version'], { env: serverEnvironment('JAVA_HOME'), encoding: 'utf8' });
  const major = Number(/version "(\d+)/.exec(stderr ?? '')?.[1] ?? 0);
  if (major < 17) return `\`java\` on the PATH is not 17 or newer (${stderr?.split('\n')[0] || 'it does not run'})`;
  if (!fs.existsSync(jarsOf(version)) && !onPath('mvn', searchedPath())) return 'there is no `mvn` on the PATH to fetch the jars of Apache Kafka with';
  return undefined;
}

const jarsOf = (version: string) => path.join(cacheFolder(), `kafka-${version}`);

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>kafka-dist</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>\${kafka.version}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`;

/**
 * The jars of Apache Kafka, fetched once by Maven into the cache folder (46 MB, some seconds).
 * @returns the folder that holds them, for the class path
 */
export async function fetchKafka(version: string = kafkaVersion, say: Say = () => undefined): Promise<string> {
  const folder = jarsOf(version);
  if (fs.existsSync(folder)) return folder;
  const missing = whyNoKafka(version);
  if (missing) throw new Error(`Apache Kafka ${version} cannot be fetched: ${missing}`);
  say(`Fetching Apache Kafka ${version} (once) …`);
  fs.mkdirSync(path.dirname(folder), { recursive: true });
  const half = fs.mkdtempSync(`${folder}-`);
  try {
    fs.writeFileSync(path.join(half, 'pom.xml'), pom);
    const lib = path.join(half, 'lib');
    const goal = ['-q', '-B', 'dependency:copy-dependencies', `-Dkafka.version=${version}`, `-DoutputDirectory=${lib}`, '-DincludeScope=runtime'];
    await execute(onPath('mvn', searchedPath())!, goal, { cwd: half, env: serverEnvironment('JAVA_HOME', 'MAVEN_OPTS', 'MAVEN_ARGS', 'USER'), timeout: 600_000 });
    fs.renameSync(lib, folder);
  } catch (error) {
    // Another process was faster.
    if (fs.existsSync(folder)) return folder;
    const { message, stdout } = error as Error & { stdout?: string };
    throw new Error(`Apache Kafka ${version} could not be fetched by Maven: ${message}\n${stdout ?? ''}`);
  } finally {
    fs.rmSync(half, { recursive: true, force: true });
  }
  return folder;
}

/**
 * An Apache Kafka of one node (KRaft) on 127.0.0.1, from its Maven jars; returns when it serves. Needs Java 17 or newer.
 * @throws Error with the last lines of the broker's log.
 */
export async function startKafka(options: KafkaOptions): Promise<RunningKafka> {
  const version = options.version ?? kafkaVersion;
  const dir = path.resolve(options.dir);
  const say = options.log ?? (() => undefined);
  const missing = whyNoKafka(version);
  if (missing) throw new Error(`Apache Kafka ${version} cannot be started: ${missing}.`);
  const classPath = `${path.join(dir, 'conf')}${path.delimiter}${path.join(await fetchKafka(version, say), '*')}`;
  // The log's events are nobody else's to read.
  fs.mkdirSync(dir, { recursive: true, mode: 0o700 });
  fs.mkdirSync(path.join(dir, 'conf'), { recursive: true });
  const broker = new Broker({ ...options, dir, version }, classPath, say);
  await broker.open();
  return broker;
}

interface Noted {
  readonly pid: number;
  readonly port: number;
  readonly controllerPort: number;
}

class Broker implements RunningKafka {
  pid = 0;
  private port = 0;
  private controllerPort = 0;
  /** Whether it is meant to run. */
  private wanted = false;
  private next: NodeJS.Timeout | undefined;
  private reviving: Promise<void> = Promise.resolve();
  private readonly endWithUs = () => { if (isAlive(this.pid)) process.kill(this.pid, 'SIGTERM'); };

  constructor(
    private readonly options: KafkaOptions & { version: string },
    private readonly classPath: string,
    private readonly say: Say,
  ) {}

  get dir(): string {
    return this.options.dir;
  }

  get version(): string {
    return this.options.version;
  }

  get brokers(): readonly string[] {
    return [`127.0.0.1:${this.port}`];
  }

  async open(): Promise<void> {
    const noted = this.noted();
    this.port = this.options.port ?? noted?.port ?? (await freePort());
    this.controllerPort = noted?.controllerPort ?? (await freePort());
    if (noted && isAlive(noted.pid) && isBroker(noted.pid, this.dir)) {
      if (noted.port === this.port) {
        this.say(`Taking over the Kafka broker that is already running (process ${noted.pid}).`);
        this.pid = noted.pid;
        await this.serves(() => !isAlive(this.pid));
        this.keep();
        return;
      }
      await endProcess(noted.pid, 'SIGTERM', 30_000);
    }
    // A neighbour may have taken the ports that a stopped broker had; nobody knows the controller's.
    if (await answers(this.controllerPort)) this.controllerPort = await freePort();
    if (await answers(this.port)) {
      if (this.options.port !== undefined) throw new Error(`Port ${this.port} is taken, so Kafka cannot listen there.`);
      this.port = await freePort();
    }
    await this.start();
    this.keep();
  }

  async stop(): Promise<void> {
    this.wanted = false;
    clearTimeout(this.next);
    await this.reviving;
    process.removeListener('exit', this.endWithUs);
    await endProcess(this.pid, 'SIGTERM', 30_000);
  }

  async kill(): Promise<void> {
    this.wanted = false;
    await this.reviving;
    await endProcess(this.pid, 'SIGKILL', 10_000);
  }

  async restart(): Promise<void> {
    this.wanted = false;
    await this.reviving;
    if (isAlive(this.pid)) await endProcess(this.pid, 'SIGTERM', 30_000);
    await this.start();
    this.wanted = true;
  }

  private keep(): void {
    this.wanted = true;
    if (!this.options.outlives) process.once('exit', this.endWithUs);
    if (this.options.revive) this.watch();
  }

  private watch(): void {
    this.next = setTimeout(() => {
      this.reviving = this.revive().finally(() => this.watch());
    }, 500).unref();
  }

  private async revive(): Promise<void> {
    if (!this.wanted || isAlive(this.pid)) return;
    this.say(`The Kafka broker ended (process ${this.pid}); starting it again.`);
    await this.start().catch((error: Error) => this.say(error.message.split('\n')[0]!));
  }

  private noted(): Noted | undefined {
    try {
      return JSON.parse(fs.readFileSync(path.join(this.dir, 'broker.json'), 'utf8')) as Noted;
    } catch {
      return undefined;
    }
  }

  private async start(): Promise<void> {
    const file = path.join(this.dir, 'server.properties');
    fs.writeFileSync(path.join(this.dir, 'conf', 'simplelogger.properties'), simpleLogger);
    fs.writeFileSync(file, Object.entries(this.properties()).map(([name, value]) => `${name}=${value}\n`).join(''));
    if (!fs.existsSync(path.join(this.dir, 'data', 'meta.properties'))) await this.format(file);
    const virtualMachine = ['-Xms256m', '-Xmx512m', '-XX:+UseSerialGC', '-cp', this.classPath, `-Dsluice.dir=${this.dir}`];
    const child = startDaemon('java', [...virtualMachine, 'kafka.Kafka', file], {
      logFile: path.join(this.dir, 'broker.log'), cwd: this.dir, env: serverEnvironment('JAVA_HOME'),
    });
    let ended: string | undefined;
    child.once('error', (error) => { ended = error.message; });
    child.once('exit', (code, signal) => { ended = `it ended with ${code ?? signal}`; });
    this.pid = child.pid ?? 0;
    const noted: Noted = { pid: this.pid, port: this.port, controllerPort: this.controllerPort };
    fs.writeFileSync(path.join(this.dir, 'broker.json'), JSON.stringify(noted));
    await this.serves(() => ended !== undefined, () => ended);
  }

  /** A fenced broker answers, but is no member of the cluster yet, and nothing can be sent to it. */
  private async serves(ended: () => boolean, how: () => string | undefined = () => 'it ended'): Promise<void> {
    const kafka = new Kafka({
      clientId: 'sluice-start', brokers: [...this.brokers], logLevel: logLevel.NOTHING,
      connectionTimeout: 1000, requestTimeout: 3000, retry: { retries: 0 },
    });
    const member = async (): Promise<boolean> => {
      if (ended()) return true;
      if (!(await answers(this.port))) return false;
      const admin = kafka.admin();
      try {
        await admin.connect();
        const cluster = await admin.describeCluster();
        return cluster.brokers.length > 0 && cluster.controller !== null;
      } catch {
        return false;
      } finally {
        await admin.disconnect().catch(() => undefined);
      }
    };
    const served = await until(member, 120_000, 100);
    if (ended() || !served) {
      const log = lastLines(path.join(this.dir, 'broker.log'));
      throw new Error(`Apache Kafka ${this.version} does not start: ${ended() ? how() : 'no answer within 2 minutes'}.\n${log}`);
    }
  }

  private async format(file: string): Promise<void> {
    // A Kafka id is 16 bytes in base64url; the tool takes one that begins with a dash for an option.
    const id = `S${randomBytes(16).toString('base64url').slice(1)}`;
    await execute('java', ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-cp', this.classPath, 'kafka.tools.StorageTool', 'format', '-t', id, '-c', file],
      { cwd: this.dir, env: serverEnvironment('JAVA_HOME') });
  }

  private properties(): Record<string, string> {
    return {
      'process.roles': 'broker,controller',
      'node.id': '1',
      'controller.quorum.voters': `1@127.0.0.1:${this.controllerPort}`,
      listeners: `PLAINTEXT://127.0.0.1:${this.port},CONTROLLER://127.0.0.1:${this.controllerPort}`,
      'advertised.listeners': `PLAINTEXT://127.0.0.1:${this.port}`,
      'controller.listener.names': 'CONTROLLER',
      'inter.broker.listener.name': 'PLAINTEXT',
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
      'log.dirs': path.join(this.dir, 'data').replaceAll('\\', '/'),
      'auto.create.topics.enable': 'false',
      'group.initial.rebalance.delay.ms': '0',
      'offsets.topic.num.partitions': '4',
      'offsets.topic.replication.factor': '1',
      'transaction.state.log.num.partitions': '4',
      'transaction.state.log.replication.factor': '1',
      'transaction.state.log.min.isr': '1',
      // After a kill the new broker waits for its old session to end: 14–16 s until the first send with the defaults, 6 s with these.
      'broker.session.timeout.ms': '2000',
      'broker.heartbeat.interval.ms': '500',
      ...this.options.settings,
    };
  }
}

const simpleLogger = `org.slf4j.simpleLogger.defaultLogLevel=warn
org.slf4j.simpleLogger.showDateTime=true
org.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS
`;

/** The id in our note may belong to another program by now. */
function isBroker(pid: number, dir: string): boolean {
  if (process.platform !== 'linux') return true;
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`-Dsluice.dir=${dir}`);
  } catch {
    return false;
  }
}
