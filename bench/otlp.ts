import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { CAN_COLLECT, OpenTelemetryCollector } from '../test/interop/collector.ts';
import { Agentcol, type Finished, type Sections } from './agentcol.ts';
import { median, milliseconds, type Result } from './result.ts';
import { generatedDatabase } from './source.ts';

const TURNS = 3;
const STARTS = 10;
const REST_MS = 3000;
const LOOK_MS = 20;
/** Nothing to read: what remains is the start. */
const FEW = 1;

type Signal = 'metrics' | 'traces' | 'logs';

/** Of one run: spans or log records, until the last of them was accepted. */
interface Sent extends Finished {
  readonly items: number;
}

/**
 * Reading a whole database and sending it to a real OpenTelemetry Collector on the same machine, which writes it to a file;
 * what a pipeline of traces costs beside metrics; what it costs to have OTLP configured at all.
 */
export async function otlp(invocations: number): Promise<Result[]> {
  if (!CAN_COLLECT) throw new Error('otlp: needs Go, to build an OpenTelemetry Collector (test/interop)');
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol-bench-otlp-'));
  try {
    await using collector = await OpenTelemetryCollector.start(folder);
    const database = generatedDatabase(invocations);
    const spans = await sendings(database, collector, 'traces');
    const records = await sendings(database, collector, 'logs');
    const metrics = await runs(database, undefined, TURNS);
    const small = generatedDatabase(FEW);
    const without = await runs(small, undefined, STARTS);
    const configured = await runs(small, collector, STARTS);
    return [
      result('spans, from the database to the answer of the Collector', perSecond(spans)),
      result('log records, likewise', perSecond(records)),
      result(
        'processor time of sending all spans, against that of a first read of the metrics',
        `${(processor(spans) / processor(metrics)).toFixed(1)}x (${seconds(processor(spans))}, ${seconds(processor(metrics))})`,
      ),
      result(
        'start, read nothing, end: with otlp_http, against prometheus alone',
        `${milliseconds(wall(configured))}, ${milliseconds(wall(without))}`,
      ),
    ];
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

const result = (what: string, measured: string): Result => ({ what, measured, target: '' });
const wall = (finished: readonly Finished[]): number => median(finished.map(({ wallMs }) => wallMs));
const processor = (finished: readonly Finished[]): number => median(finished.map(({ usage }) => usage.cpuMs));
const peak = (finished: readonly Finished[]): string =>
  `${(Math.max(...finished.map(({ usage }) => usage.peakBytes)) / 2 ** 20).toFixed(0)} MiB`;

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const perSecond = (sent: readonly Sent[]): string => {
  const items = sent[0]?.items ?? 0;
  return `${Math.round(items / (wall(sent) / 1000))}/s (${items} in ${seconds(wall(sent))}, ${peak(sent)})`;
};

function sectionsFor(collector: OpenTelemetryCollector | undefined, signal: Signal): Sections {
  const exporter = collector === undefined ? 'prometheus' : 'otlp_http';
  const settings = collector === undefined ? null : { endpoint: `http://127.0.0.1:${collector.httpPort}` };
  const pipeline = {
    receivers: ['sqlite/agents'],
    processors: ['hash', 'strip_paths'],
    exporters: [exporter],
  };
  return { pipelines: { [signal]: pipeline }, exporters: { [exporter]: settings } };
}

async function sendings(database: string, collector: OpenTelemetryCollector, signal: Signal): Promise<Sent[]> {
  const all: Sent[] = [];
  for (let turn = 0; turn < TURNS; turn += 1) all.push(await sendAll(database, collector, signal));
  return all;
}

/** Until nothing has been accepted for a while: that while does not count. */
async function sendAll(database: string, collector: OpenTelemetryCollector, signal: Signal): Promise<Sent> {
  await using agentcol = new Agentcol(database, sectionsFor(collector, signal));
  const begin = performance.now();
  await agentcol.start({ telemetry: true });
  let [items, lastMs, usage] = [0, performance.now(), await agentcol.usage()];
  while (performance.now() - lastMs < REST_MS) {
    const accepted = acceptedIn((await agentcol.scrape())?.body ?? '', signal);
    if (accepted > items) [items, lastMs, usage] = [accepted, performance.now(), await agentcol.usage()];
    await delay(LOOK_MS);
  }
  return { items, wallMs: lastMs - begin, usage };
}

function acceptedIn(text: string, signal: Signal): number {
  const name = signal === 'traces' ? 'otelcol_exporter_sent_spans_total' : 'otelcol_exporter_sent_log_records_total';
  return Number(new RegExp(`^${name}\\{[^}]*\\} (\\d+)`, 'm').exec(text)?.[1] ?? 0);
}

async function runs(
  database: string,
  collector: OpenTelemetryCollector | undefined,
  turns: number,
): Promise<Finished[]> {
  await using agentcol = new Agentcol(database, sectionsFor(collector, 'metrics'));
  return Array.from({ length: turns }, () => agentcol.once());
}
