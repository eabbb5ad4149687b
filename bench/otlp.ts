import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { CAN_COLLECT, OpenTelemetryCollector } from '../test/interop/collector.ts';
import { Agentcol, type Finished } from './agentcol.ts';
import { median, milliseconds, type Result } from './result.ts';
import { generatedDatabase } from './source.ts';

const TURNS = 3;
const STARTS = 10;
/** Nothing to read: what remains is the start. */
const FEW = 1;

type Signal = 'metrics' | 'traces' | 'logs';

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
    const alone = await runs(database, collector, ['metrics']);
    const spans = await runs(database, collector, ['traces']);
    const sentSpans = collector.received().spans.length / TURNS;
    const logs = await runs(database, collector, ['logs']);
    const sentRecords = collector.received().records.length / TURNS;
    const both = await runs(database, collector, ['metrics', 'traces']);
    const small = generatedDatabase(FEW);
    const without = await runs(small, undefined, ['metrics'], STARTS);
    const configured = await runs(small, collector, ['metrics'], STARTS);
    const perSecond = (items: number, finished: readonly Finished[]): string =>
      `${Math.round(items / (wall(finished) / 1000))}/s (${items} in ${(wall(finished) / 1000).toFixed(1)} s, ${peak(finished)})`;
    return [
      result('spans, from the database to the answer of the Collector', perSecond(sentSpans, spans)),
      result('log records, likewise', perSecond(sentRecords, logs)),
      result(
        'metrics and traces of one database, against metrics alone',
        `${(wall(both) / wall(alone)).toFixed(2)}x the time, ${(processor(both) / processor(alone)).toFixed(2)}x the processor time`,
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

async function runs(
  database: string,
  collector: OpenTelemetryCollector | undefined,
  signals: readonly Signal[],
  turns = TURNS,
): Promise<Finished[]> {
  const processors = ['hash', 'strip_paths'];
  const exporters = [collector === undefined ? 'prometheus' : 'otlp_http'];
  const pipelines = signals.map((signal) => [signal, { receivers: ['sqlite/agents'], processors, exporters }]);
  await using agentcol = new Agentcol(database, {
    pipelines: Object.fromEntries(pipelines) as object,
    exporters:
      collector === undefined
        ? { prometheus: null }
        : { otlp_http: { endpoint: `http://127.0.0.1:${collector.httpPort}` } },
  });
  return Array.from({ length: turns }, () => agentcol.once());
}
