import type { Failure, PipelineStatus, ReaderStatus, ReceiverStatus, Status } from '../../src/component.ts';
import { withoutFolders } from './paths.ts';

/** The words of the Collector's component status. */
type Word = 'StatusStarting' | 'StatusOK' | 'StatusRecoverableError';

/** What /status tells of a component; times are RFC 3339. */
interface Report {
  readonly status: Word;
  readonly [detail: string]: unknown;
}

/** Whether every pipeline has caught up once. */
export function isReady({ pipelines }: Status): boolean {
  return pipelines.every(({ progress }) => progress === undefined);
}

/** Everything as plain JSON: counts, reasons and times, neither row contents nor folders of this machine. */
export function reportOf(status: Status): Report {
  const components = Object.fromEntries<Report>([
    ...status.extensions.map(({ id, failure }): [string, Report] => [
      `extension:${id}`,
      { status: wordOf(failure), ...errorOf(failure) },
    ]),
    ...status.pipelines.map((pipeline): [string, Report] => [
      `pipeline:${pipeline.id}`,
      reportPipeline(pipeline, status),
    ]),
  ]);
  return {
    status: worst(Object.values(components)),
    ready: isReady(status),
    start_time: time(status.startTimeMs),
    components,
  };
}

function reportPipeline(
  { signal, progress, receivers, processors, exporters }: PipelineStatus,
  { exporters: everyExporter }: Status,
): Report {
  const components = Object.fromEntries<Report>([
    ...receivers.map((receiver): [string, Report] => [titleOf(receiver), reportReceiver(receiver)]),
    ...processors.map((id): [string, Report] => [`processor:${id}`, { status: 'StatusOK' }]),
    ...everyExporter
      .filter(({ id }) => exporters.includes(id))
      .map(({ id, counts, failure }): [string, Report] => [
        `exporter:${id}`,
        {
          status: wordOf(failure),
          ...errorOf(failure),
          [`sent_${ITEMS[signal]}`]: counts.get(signal)?.sent ?? 0,
          [`send_failed_${ITEMS[signal]}`]: counts.get(signal)?.failed ?? 0,
        },
      ]),
  ]);
  const failed = worst(Object.values(components));
  return {
    status: failed === 'StatusOK' && progress !== undefined ? 'StatusStarting' : failed,
    ready: progress === undefined,
    ...(progress === undefined ? {} : { rows_read: progress.read, rows_total: progress.total }),
    components,
  };
}

/** As the Collector calls what it counts of each signal. */
const ITEMS = { metrics: 'metric_points', traces: 'spans', logs: 'log_records' } as const;

/** One that sends reads for each exporter by itself. */
function titleOf({ id, exporter }: ReceiverStatus): string {
  return exporter === undefined ? `receiver:${id}` : `receiver:${id} for exporter:${exporter}`;
}

function reportReceiver({ readers }: ReceiverStatus): Report {
  // The readers of one database fail together, and first of all the first.
  const failure = readers.find((reader) => reader.failure !== undefined)?.failure;
  return {
    status: wordOf(failure),
    ...errorOf(failure),
    rows_read: sum(readers, (reader) => reader.rowsRead),
    rows_behind: sum(readers, (reader) => reader.rowsBehind),
    open_rows: sum(readers, (reader) => reader.openRows),
    readers: readers.map(reportReader),
  };
}

function reportReader({ id, failure, lastFailure, rowsRead, rowsBehind, openRows }: ReaderStatus): Report {
  return {
    reader: withoutFolders(id),
    status: wordOf(failure),
    ...errorOf(failure),
    ...(lastFailure === undefined
      ? {}
      : { last_error: { ...describe(lastFailure), until: time(lastFailure.untilMs) } }),
    rows_read: rowsRead,
    rows_behind: rowsBehind,
    open_rows: openRows,
  };
}

function errorOf(failure: Failure | undefined): object {
  return failure === undefined ? {} : { error: describe(failure) };
}

function describe({ reason, message, sinceMs }: Failure): object {
  return { reason, message: withoutFolders(message), since: time(sinceMs) };
}

function wordOf(failure: Failure | undefined): Word {
  return failure === undefined ? 'StatusOK' : 'StatusRecoverableError';
}

function worst(reports: readonly Report[]): Word {
  const words = reports.map(({ status }) => status);
  const order: readonly Word[] = ['StatusRecoverableError', 'StatusStarting'];
  return order.find((word) => words.includes(word)) ?? 'StatusOK';
}

function sum(readers: readonly ReaderStatus[], count: (reader: ReaderStatus) => number): number {
  return readers.reduce((total, reader) => total + count(reader), 0);
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
