import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { environment } from './config.js';

export interface ProcessSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Where its output goes. */
  readonly logFile: string;
}

/** Keeps processes running: one that dies is started again, sooner the longer it has lived. */
export class Supervisor {
  private readonly children = new Map<string, ChildProcess>();
  private readonly starts = new Map<string, number>();
  private stopping = false;

  constructor(
    private readonly specs: readonly ProcessSpec[],
    private readonly onRestart: (name: string, how: string) => void = () => undefined,
  ) {}

  start(): void {
    for (const spec of this.specs) this.run(spec);
  }

  get names(): readonly string[] {
    return this.specs.map((spec) => spec.name);
  }

  /** How often a process was started. */
  startsOf(name: string): number {
    return this.starts.get(name) ?? 0;
  }

  pidOf(name: string): number | undefined {
    return this.children.get(name)?.pid;
  }

  /** Sends a signal to one of the processes; SIGKILL is what a power cut does to it. */
  signal(name: string, signal: NodeJS.Signals): void {
    this.children.get(name)?.kill(signal);
  }

  /** SIGTERM to all; what has not ended after `graceMs` is killed. */
  async stop(graceMs = 30_000): Promise<void> {
    this.stopping = true;
    await Promise.all([...this.children.values()].map((child) => new Promise<void>((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) return resolve();
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      child.once('exit', () => { clearTimeout(timer); resolve(); });
      child.kill('SIGTERM');
    })));
  }

  private run(spec: ProcessSpec): void {
    const log = openSync(spec.logFile, 'a', 0o600);
    const began = performance.now();
    const child = spawn(spec.command, [...spec.args], { env: { ...environment, ...spec.environment }, stdio: ['ignore', log, log] });
    closeSync(log);
    this.children.set(spec.name, child);
    this.starts.set(spec.name, this.startsOf(spec.name) + 1);
    child.once('exit', (code, signal) => {
      if (this.stopping) return;
      this.onRestart(spec.name, signal ?? `exit status ${code}`);
      // A process that dies at once would otherwise be started hundreds of times a second.
      const lived = performance.now() - began;
      setTimeout(() => { if (!this.stopping) this.run(spec); }, lived > 5_000 ? 100 : 1_000);
    });
  }
}
