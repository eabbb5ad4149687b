import { performance } from 'node:perf_hooks';
import type { Logger, MetricSource, Progress } from '../component.ts';
import type { StatusLine } from './status-line.ts';

/** A read that is over sooner needs no progress. */
const QUIET_MS = 1_000;
const REDRAW_MS = 200;
/** Where there is no terminal to draw on. */
const LOG_MS = 5_000;
const NARROWEST_BAR = 10;
const WIDEST_BAR = 40;

interface Task {
  readonly name: string;
  readonly unit: string;
}

const FIRST_READ: Task = { name: 'first read', unit: 'rows' };

export interface ProgressOptions {
  readonly sources: readonly Pick<MetricSource, 'progress'>[];
  readonly line: StatusLine;
  readonly logger: Logger;
  /** What is being done, and of what `read` and `total` are numbers; default: the first read, of rows. */
  readonly what?: Task;
  /** Monotonic milliseconds. */
  readonly elapsed?: () => number;
}

/** Shows how far the first read, or another task, is until it is over or the result is disposed of: a bar on a terminal, else log lines. */
export function showProgress({
  sources,
  line,
  logger,
  what = FIRST_READ,
  elapsed = () => performance.now(),
}: ProgressOptions): Disposable {
  const startMs = elapsed();
  let last: Progress | undefined;
  let loggedMs = startMs;
  const stop = (): void => {
    clearInterval(timer);
    line.show('');
  };
  const look = (): void => {
    const nowMs = elapsed();
    const spentMs = nowMs - startMs;
    const progress = sumOf(sources);
    if (progress === undefined) {
      stop();
      if (last !== undefined && spentMs >= QUIET_MS) logger.info(`${what.name} over after ${seconds(spentMs)}`);
      return;
    }
    last = progress;
    if (spentMs < QUIET_MS || progress.read === 0) return;
    if (line.isTTY) line.show(progressLine(progress, spentMs, line.columns - 1, what.unit));
    else if (nowMs - loggedMs >= LOG_MS) {
      loggedMs = nowMs;
      logger.info(`${what.name}: ${describe(progress, spentMs, what.unit).join(', ')}`);
    }
  };
  const timer = setInterval(look, REDRAW_MS).unref();
  look();
  return { [Symbol.dispose]: stop };
}

/** undefined once every source has been read. */
function sumOf(sources: ProgressOptions['sources']): Progress | undefined {
  let sum: Progress | undefined;
  for (const source of sources) {
    const progress = source.progress();
    if (progress === undefined) continue;
    sum = { read: (sum?.read ?? 0) + progress.read, total: (sum?.total ?? 0) + progress.total };
  }
  return sum;
}

/** At most `width` characters: the bar takes what is left, and what matters least goes first. */
export function progressLine(progress: Progress, spentMs: number, width: number, unit = FIRST_READ.unit): string {
  const share = Math.min(0.99, progress.read / Math.max(1, progress.total));
  const percent = `${String(Math.floor(share * 100)).padStart(2)} %`;
  const [rows, rate, left] = describe(progress, spentMs, unit);
  for (const parts of [[rows, rate, left], [rate, left], [left], []]) {
    const text = [percent, ...parts].join('  ');
    const bar = Math.min(WIDEST_BAR, width - text.length - '[] '.length);
    if (bar < NARROWEST_BAR && parts.length > 0) continue;
    if (bar < NARROWEST_BAR) return text.length <= width ? text : '';
    return `[${'#'.repeat(Math.floor(share * bar)).padEnd(bar, '.')}] ${text}`;
  }
  return '';
}

/** ["1,200,000 of 4,000,000 rows", "150,000 rows/s", "19 s left"] */
function describe(
  { read, total }: Progress,
  spentMs: number,
  unit: string,
): readonly [amount: string, rate: string, left: string] {
  const perMs = read / spentMs;
  return [
    `${count(read)} of ${count(total)} ${unit}`,
    `${count(perMs * 1000)} ${unit}/s`,
    `${seconds(Math.max(0, total - read) / perMs)} left`,
  ];
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en');
}

/** "19 s", "3 min 5 s", "2 h 10 min" */
function seconds(milliseconds: number): string {
  const total = Math.ceil(milliseconds / 1000);
  if (total < 60) return `${total} s`;
  if (total < 3600) return `${Math.floor(total / 60)} min ${total % 60} s`;
  return `${Math.floor(total / 3600)} h ${Math.floor((total % 3600) / 60)} min`;
}
