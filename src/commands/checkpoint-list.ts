import type { OpenRow, Reader, ReaderState, StorageExtension } from '../component.ts';
import { describeError } from '../errors.ts';
import { sinkOf, type Assembly, type LanePlan } from '../pipeline/assembly.ts';
import { readCheckpoints, type Checkpoint, type Checkpoints } from '../state/checkpoint-list.ts';

/** One reader's line. */
interface Listed {
  readonly pipeline: string;
  readonly receiver: string;
  /** The exporter that it sends to; null: metrics, which all exporters of the pipeline share. */
  readonly exporter: string | null;
  readonly table: string;
  /** The highest row id passed; null: none, or a reader without. */
  readonly cursor: number | null;
  readonly openRows: number;
  /** Shared by all readers of one key scope. */
  readonly onceKeys: number;
  /** Rows at the source that are still to be read; null: `unknown` says why. */
  readonly rowsBehind: number | null;
  readonly unknown?: string;
}

export interface ListedStorage {
  readonly id: string;
  readonly directory: string;
  /** Of the last commit, ISO 8601; null: there is no state yet. */
  readonly written: string | null;
  readonly readers: readonly Listed[];
}

/** What is kept in each storage of an assembly that has not been started, and how far the sources are ahead. */
export function listCheckpoints(
  { lanes }: Assembly,
  storages: readonly { readonly id: string; readonly storage: StorageExtension }[],
): readonly ListedStorage[] {
  return storages.map(({ id, storage: { directory } }) => {
    const checkpoints = readCheckpoints(directory);
    const own = lanes.filter((lane) => lane.storage?.directory === directory);
    for (const { receiver } of own) receiver.instance.poll();
    return {
      id,
      directory,
      written: checkpoints === undefined ? null : new Date(checkpoints.writtenMs).toISOString(),
      readers: [
        ...own.flatMap((lane) =>
          lane.receiver.instance.readers.flatMap((reader) => ofReader(lane, reader, checkpoints)),
        ),
        ...orphans(own, checkpoints),
      ],
    };
  });
}

function ofReader(lane: LanePlan, reader: Reader, checkpoints: Checkpoints | undefined): readonly Listed[] {
  const { pipeline } = lane;
  const receiver = lane.receiver.configured.id;
  const sink = sinkOf(lane);
  const kept = checkpoints?.readers.filter((one) => isOf(one, lane, reader.id)) ?? [];
  if (kept.length === 0) {
    const none = { pipeline, receiver, sink, reader: reader.id, position: undefined, openRows: 0 };
    return [{ ...listed(none, 0), ...behind(reader, undefined, checkpoints) }];
  }
  return kept.map((one) => {
    const scope = reader.keyScope + one.reader.slice(reader.id.length);
    const onceKeys = checkpoints?.onceKeys(pipeline, receiver, sink, scope) ?? 0;
    return { ...listed(one, onceKeys), ...behind(reader, one.position, checkpoints) };
  });
}

/** What no lane goes on with: of what was renamed or removed. */
function orphans(lanes: readonly LanePlan[], checkpoints: Checkpoints | undefined): readonly Listed[] {
  const kept = checkpoints?.readers ?? [];
  return kept
    .filter((one) => !lanes.some((lane) => lane.receiver.instance.readers.some(({ id }) => isOf(one, lane, id))))
    .map((one) => ({
      ...listed(one, checkpoints?.onceKeys(one.pipeline, one.receiver, one.sink, one.reader) ?? 0),
      rowsBehind: null,
      unknown: 'not configured',
    }));
}

function listed(
  { pipeline, receiver, sink, reader, position, openRows }: Checkpoint,
  onceKeys: number,
): Omit<Listed, 'rowsBehind'> {
  const exporter = sink === 'metrics' ? null : sink;
  return { pipeline, receiver, exporter, table: reader, cursor: cursorOf(position), openRows, onceKeys };
}

/** Reads a page, which changes nothing, to see how many rows follow. */
function behind(
  reader: Reader,
  position: Checkpoint['position'],
  checkpoints: Checkpoints | undefined,
): Pick<Listed, 'rowsBehind' | 'unknown'> {
  const digest = checkpoints?.digest;
  if (position !== undefined && digest === undefined) return { rowsBehind: null, unknown: 'the key file is missing' };
  const state: ReaderState = {
    position,
    open: new Map<number, OpenRow>(),
    openByKey: () => undefined,
    absent: new Map<number, OpenRow[]>(),
    absentByKey: () => undefined,
    seen: () => false,
    digest: digest ?? ((text) => text),
  };
  try {
    const page = reader.read(state);
    if (page === undefined) return { rowsBehind: 0 };
    // A snapshot has no position: it is never behind.
    return { rowsBehind: cursorOf(page.position) === null ? 0 : page.rows + page.remaining };
  } catch (error) {
    return { rowsBehind: null, unknown: describeError(error) };
  }
}

function isOf(kept: Checkpoint, lane: LanePlan, reader: string): boolean {
  return (
    kept.pipeline === lane.pipeline &&
    kept.receiver === lane.receiver.configured.id &&
    kept.sink === sinkOf(lane) &&
    kept.reader.startsWith(reader) &&
    /^(\+\d+)?$/.test(kept.reader.slice(reader.length))
  );
}

function cursorOf(position: Checkpoint['position']): number | null {
  const cursor = position?.['cursor'];
  return typeof cursor === 'number' ? cursor : null;
}

/** For people. */
export function describeCheckpoints(storages: readonly ListedStorage[]): string {
  if (storages.length === 0) return 'nothing is kept: service::extensions names no storage';
  return storages
    .map(({ id, directory, written, readers }) => {
      const title = `${id}: ${directory}, ${written === null ? 'no state yet' : `last written ${written}`}`;
      const rows = readers.map((one, index) => [
        one.pipeline,
        one.receiver,
        one.exporter ?? '-',
        one.table,
        String(one.cursor ?? '-'),
        String(one.openRows),
        String(one.onceKeys),
        behindOf(one, readers[index - 1]),
      ]);
      return [title, ...columns([HEADINGS, ...rows])].join('\n');
    })
    .join('\n\n');
}

/** A database that is away is so for all of its tables. */
function behindOf({ rowsBehind, unknown = '' }: Listed, before: Listed | undefined): string {
  if (rowsBehind !== null) return String(rowsBehind);
  return unknown === before?.unknown ? 'unknown: likewise' : `unknown: ${unknown}`;
}

const HEADINGS = ['PIPELINE', 'RECEIVER', 'EXPORTER', 'TABLE', 'CURSOR', 'OPEN', 'KEYS', 'BEHIND'];
/** Numbers stand at the right. */
const NUMBERS = [4, 5, 6];

function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (NUMBERS.includes(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd(),
  );
}
