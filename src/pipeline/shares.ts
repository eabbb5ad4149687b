import type { MetricDefinition, Position, Reader } from '../component.ts';
import type { State } from '../state/state.ts';
import { definitionsOf } from './reader-totals.ts';
import { metricKey } from './total.ts';

/** Where a lane keeps its state. */
export interface LaneKey {
  readonly pipeline: string;
  readonly receiver: string;
  readonly sink: string;
}

/** Some metrics of a reader that are counted together: one position, open rows and once-keys for all of them. */
export interface Share {
  readonly reader: Reader;
  /** Of the reader's id and key scope in the state. Empty for the first share: nearly always there is no other. */
  readonly suffix: string;
  /** Metrics that begin anew beside others that go on. */
  readonly anew: boolean;
}

interface StoredShare {
  readonly id: number;
  readonly suffix: string;
  readonly position: Position | undefined;
  /** Those that are still counted as they were. */
  readonly metrics: ReadonlySet<string>;
}

/**
 * Divides a reader by what of it is stored: metrics whose definition is as it was go on where they were, the others begin
 * anew in a share of their own, without touching them. Shares that have arrived at the same place are put together again.
 * A reader that cannot be divided is one share, whatever is stored. Runs in load's transaction.
 */
export function sharesOf(reader: Reader, lane: LaneKey, state: State, processorsDigest: string): Share[] {
  const whole: Share[] = [{ reader, suffix: '', anew: false }];
  const { divisible } = reader;
  if (divisible === undefined) return whole;
  const definitions = definitionsOf(state, reader.metrics, processorsDigest);
  const stored = storedShares(reader, lane, state, definitions);
  const useful = stored.filter(({ metrics }) => metrics.size > 0);
  for (const share of stored) {
    // Without any to go on with, the first is begun anew in its place.
    if (share.metrics.size === 0 && (useful.length > 0 || share.suffix !== '')) dropShare(reader, lane, state, share);
  }
  if (useful.length === 0) return whole;
  const shares = joined(useful, divisible.samePlace, reader, lane, state);
  const counted = new Set(shares.flatMap(({ metrics }) => [...metrics]));
  const anew = [...definitions.keys()].filter((key) => !counted.has(key));
  const only = (keys: Iterable<string>): Reader => divisible.only(namesOf(reader.metrics, new Set(keys)));
  if (anew.length === 0 && shares.length === 1) return [{ reader, suffix: shares[0]!.suffix, anew: false }];
  return [
    ...shares.map(({ metrics, suffix }) => ({ reader: only(metrics), suffix, anew: false })),
    ...(anew.length === 0 ? [] : [{ reader: only(anew), suffix: freeSuffix(stored), anew: true }]),
  ];
}

function storedShares(
  reader: Reader,
  { pipeline, receiver, sink }: LaneKey,
  { sql }: State,
  definitions: ReturnType<typeof definitionsOf>,
): StoredShare[] {
  return sql.findShares
    .all({ pipeline, receiver, sink, reader: reader.id })
    .map(({ id, reader: stored, position }) => ({
      id,
      suffix: stored.slice(reader.id.length),
      position: position === null ? undefined : (JSON.parse(position) as Position),
      metrics: new Set(
        sql.metrics
          .all(id)
          .filter(({ metric, digest }) => definitions.get(metric)?.digest === digest)
          .map(({ metric }) => metric),
      ),
    }));
}

/** Puts shares together that are at the same place with the same open rows: from there on they would read the same. */
function joined(
  shares: readonly StoredShare[],
  samePlace: (a: Position, b: Position) => boolean,
  reader: Reader,
  lane: LaneKey,
  state: State,
): StoredShare[] {
  const [first, ...others] = shares;
  if (first?.position === undefined) return [...shares];
  const kept: StoredShare[] = [];
  let metrics = first.metrics;
  for (const share of others) {
    const mergeable = share.position !== undefined && samePlace(first.position, share.position);
    if (!mergeable || !joinOpenRows(state, first.id, share.id)) {
      kept.push(share);
      continue;
    }
    state.sql.joinAbsentRows.run({ to: first.id, from: share.id });
    state.sql.moveMetrics.run(first.id, share.id);
    dropShare(reader, lane, state, share);
    metrics = new Set([...metrics, ...share.metrics]);
  }
  return [{ ...first, metrics }, ...kept];
}

/** Gives the open rows of `to` the bases that those of `from` have too; false, and nothing done, where the rows differ. */
function joinOpenRows({ sql }: State, to: number, from: number): boolean {
  const rows = sql.openRows.all(to);
  const others = new Map(sql.openRows.all(from).map((row) => [row.row_id, row]));
  if (rows.length !== others.size || rows.some(({ row_id }) => !others.has(row_id))) return false;
  for (const { row_id, identity, key, first_seen_ms, bases } of rows) {
    const more = others.get(row_id)?.bases ?? null;
    if (more === null) continue;
    const both = JSON.stringify({ ...parseBases(bases), ...parseBases(more) });
    sql.saveOpenRow.run(to, row_id, identity, key, first_seen_ms, both);
  }
  return true;
}

function parseBases(json: string | null): Readonly<Record<string, number>> {
  return json === null ? {} : (JSON.parse(json) as Readonly<Record<string, number>>);
}

function dropShare(reader: Reader, { pipeline, receiver, sink }: LaneKey, { sql }: State, share: StoredShare): void {
  for (const { id } of sql.metrics.all(share.id)) {
    sql.dropSeries.run(id);
    sql.dropMetric.run(id);
  }
  sql.dropOpenRows.run(share.id);
  sql.dropAbsentRows.run(share.id);
  const scope = sql.findScope.get(pipeline, receiver, sink, reader.keyScope + share.suffix);
  if (scope !== undefined) sql.dropKeys.run(scope);
  sql.dropReader.run(share.id);
}

function freeSuffix(stored: readonly StoredShare[]): string {
  const taken = new Set(stored.map(({ suffix }) => suffix));
  let number = 2;
  while (taken.has(`+${number}`)) number += 1;
  return `+${number}`;
}

function namesOf(metrics: readonly MetricDefinition[], keys: ReadonlySet<string>): ReadonlySet<string> {
  return new Set(metrics.filter(({ metric }) => keys.has(metricKey(metric))).map(({ metric }) => metric.name));
}
