import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';

/** What no compiler reads: the files by which the platform is started in containers name each other, the roles and the metrics. */

const root = path.join(__dirname, '../../..');
const read = (file: string) => fs.readFileSync(path.join(root, file), 'utf8');

interface Service {
  readonly image: string;
  readonly command?: string[];
  readonly profiles?: string[];
  readonly ports?: string[];
  readonly volumes?: string[];
  readonly environment?: Record<string, string | number>;
  readonly depends_on?: string[] | Record<string, unknown>;
}

const compose = parse(read('docker-compose.yml'), { merge: true }) as { services: Record<string, Service>; volumes: Record<string, unknown> };
const services = Object.entries(compose.services);
const roles = services.filter(([, { image }]) => image === 'sluice:local').map(([name]) => name);
const known = /export const roles = \[([^\]]+)\]/.exec(read('services/standalone/src/config.ts'))![1]!.match(/\w+/g)!;
const dashboard = JSON.parse(read('deploy/grafana/dashboards/sluice.json')) as {
  panels: { title: string; datasource: { uid: string }; targets: { expr: string }[] }[];
};
const datasources = (parse(read('deploy/grafana/provisioning/datasources/sluice.yaml')) as { datasources: { uid: string; url: string }[] }).datasources;

describe('docker-compose.yml', () => {
  it('runs every role that there is, each by its name', () => {
    expect([...roles].sort()).toEqual([...known].sort());
    for (const role of roles) expect(compose.services[role]!.command).toEqual(['serve', '--role', role]);
  });

  it('pins every image', () => {
    for (const [, { image }] of services) expect(image).toMatch(/:(?!latest)[\w.-]+$/);
  });

  it('opens nothing to other machines', () => {
    const ports = services.flatMap(([, { ports = [] }]) => ports);
    expect(ports.length).toBeGreaterThan(0);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it('mounts files that are there, and volumes that it declares', () => {
    for (const mount of services.flatMap(([, { volumes = [] }]) => volumes)) {
      const from = mount.split(':')[0]!;
      if (from.startsWith('.')) expect(fs.existsSync(path.join(root, from))).toBe(true);
      else expect(Object.keys(compose.volumes)).toContain(from);
    }
  });

  it('names only hosts that it starts', () => {
    const hosts = services.flatMap(([, { environment = {} }]) => Object.values(environment))
      .flatMap((value) => [...String(value).matchAll(/(?:[@/]|^)([a-z]+):\d{4}\b/g)].map(([, host]) => host!));
    expect(hosts.length).toBeGreaterThan(roles.length);
    for (const host of new Set(hosts)) expect([...Object.keys(compose.services), 'localhost']).toContain(host);
    const needs = ({ depends_on: needed = [] }: Service) => (Array.isArray(needed) ? needed : Object.keys(needed));
    for (const needed of services.flatMap(([, service]) => needs(service))) expect(Object.keys(compose.services)).toContain(needed);
  });
});

describe('the observability profile', () => {
  it('is what its environment file switches on, and traces go to its collector', () => {
    const settings = Object.fromEntries(read('deploy/observability.env').split('\n').filter((line) => /^\w+=/.test(line)).map((line) => line.split('=')));
    expect(settings.COMPOSE_PROFILES).toBe('observability');
    expect(services.filter(([, { profiles }]) => profiles?.includes('observability')).map(([name]) => name).sort())
      .toEqual(['collector', 'grafana', 'jaeger', 'prometheus']);
    expect(settings.OTEL_EXPORTER_OTLP_ENDPOINT).toBe('http://collector:4318');
    const collector = parse(read('deploy/collector.yaml')) as {
      receivers: { otlp: { protocols: { http: { endpoint: string } } } };
      processors: object; exporters: Record<string, { endpoint: string }>;
      service: { pipelines: Record<string, { receivers: string[]; processors: string[]; exporters: string[] }> };
    };
    expect(collector.receivers.otlp.protocols.http.endpoint).toBe('0.0.0.0:4318');
    const traces = collector.service.pipelines.traces!;
    for (const name of traces.receivers) expect(collector.receivers).toHaveProperty([name]);
    for (const name of traces.processors) expect(collector.processors).toHaveProperty([name]);
    for (const name of traces.exporters) expect(collector.exporters[name]!.endpoint).toBe('jaeger:4317');
  });

  it('scrapes every role', () => {
    const { scrape_configs: jobs } = parse(read('deploy/prometheus.yaml')) as { scrape_configs: { static_configs: { targets: string[] }[] }[] };
    expect(jobs.flatMap((job) => job.static_configs.flatMap(({ targets }) => targets)).sort()).toEqual(roles.map((role) => `${role}:8080`).sort());
  });

  it('shows metrics that exist, from datasources that it has', () => {
    const ours = [...read('services/standalone/src/health.controller.ts').matchAll(/'(sluice_\w+)'/g)].map(([, name]) => name!);
    // Of the platform's own library, and of Prometheus.
    const theirs = ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'process_start_time_seconds', 'nodejs_eventloop_lag_p99_seconds',
      'nodejs_gc_duration_seconds_sum', 'up'];
    const metrics = /\b(sluice|process|nodejs)_\w+|\bup\b/g;
    const shown = dashboard.panels.flatMap(({ targets }) => targets).flatMap(({ expr }) => expr.match(metrics) ?? []);
    expect(shown.length).toBeGreaterThanOrEqual(dashboard.panels.length);
    expect(shown.filter((name) => !ours.includes(name) && !theirs.includes(name))).toEqual([]);
    for (const { datasource } of dashboard.panels) expect(datasources.map(({ uid }) => uid)).toContain(datasource.uid);
    for (const { url } of datasources) expect(Object.keys(compose.services)).toContain(new URL(url).hostname);
  });
});

describe('the image', () => {
  it('installs the dependencies of every workspace', () => {
    const dockerfile = read('deploy/Dockerfile');
    for (const parent of ['libs', 'services']) {
      for (const name of fs.readdirSync(path.join(root, parent))) {
        if (fs.existsSync(path.join(root, parent, name, 'package.json'))) expect(dockerfile).toContain(`COPY ${parent}/${name}/package.json ${parent}/${name}/`);
      }
    }
  });

  it('does not run as root', () => {
    expect(read('deploy/Dockerfile').split('\n').filter((line) => line.startsWith('USER'))).toEqual(['USER node']);
  });
});
