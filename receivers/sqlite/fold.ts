import type {
  Attributes,
  AttributeValue,
  HistogramPoint,
  Metric,
  MetricPoints,
  NumberPoint,
} from '../../src/pipeline/signals.ts';
import { addTo } from '../../src/pipeline/sum.ts';
import type { Instrument, Of } from './mapping.ts';
import { acceptable, attributeValue, type Columns, type Row, type Skips, type SqlValue } from './row-values.ts';
import { literalValue } from './sql.ts';

/** Which instruments a row is for, as a bit set. */
export const SETTLED = 1;
export const COMPLETE = 2;
export const ALL = 4;
/** Running totals: the growth of a value since the row was last seen. */
export const RUNNING = 8;

/** Above it the interned attributes are dropped: a cardinality accident must not become a leak. */
const MAX_CELLS = 50_000;

/** One series of one instrument within the page. */
interface Cell {
  readonly entry: Entry;
  readonly attributes: Attributes;
  /** Attributes whose zeros are published together with this series. */
  readonly siblings: readonly Attributes[];
  touched: boolean;
  count: number;
  /** Partials of a sum, or the one value of a gauge. */
  readonly sum: number[];
  readonly buckets: number[];
}

interface Entry {
  readonly index: number;
  readonly metric: Metric;
  readonly mask: number;
  /** -1: one per row. */
  readonly valueColumn: number;
  readonly constants: readonly (readonly [string, AttributeValue])[];
  readonly values: Instrument['values'];
  /** Publishes the zeros only: the row is not counted yet. */
  readonly announces: boolean;
  /** Of a running total: the key under which a row remembers its base. */
  readonly base: string;
}

/** Instruments that read the same attribute columns: one look-up serves them all. */
interface Group {
  readonly names: readonly string[];
  readonly columns: readonly number[];
  readonly entries: Entry[];
  mask: number;
  root: Node;
}

/** A path of attribute values; at its end, one cell per entry of the group. */
type Node = Map<SqlValue, Node | (Cell | undefined)[]>;

/** Folds rows of one statement into points, one cell per series. */
export class Fold {
  readonly #groups: Group[] = [];
  readonly #touched: Cell[] = [];
  #cells = 0;
  readonly #running = new Map<string, number>();

  constructor(
    instruments: readonly Instrument[],
    columns: Columns,
    expand: (sql: string) => string,
    announces = false,
  ) {
    for (const instrument of instruments) this.#add(instrument, columns, expand, announces);
  }

  get empty(): boolean {
    return this.#groups.length === 0;
  }

  /** Whether any instrument is for rows of `mask`. */
  wants(mask: number): boolean {
    return this.#groups.some((group) => (group.mask & mask) !== 0);
  }

  #add(instrument: Instrument, columns: Columns, expand: (sql: string) => string, announces: boolean): void {
    const together = new Set(instrument.values.map(([name]) => name));
    const attributes = announces
      ? instrument.attributes.filter(([name]) => !together.has(name))
      : instrument.attributes;
    const constants: [string, AttributeValue][] = [];
    const names: string[] = [];
    const indexes: number[] = [];
    for (const [name, expression] of attributes) {
      const literal = literalValue(expression);
      if (literal !== undefined) constants.push([name, literal]);
      else {
        names.push(name);
        indexes.push(columns.add(expand(expression)));
      }
    }
    let group = this.#groups.find(
      (known) => known.names.join('\0') === names.join('\0') && known.columns.join() === indexes.join(),
    );
    if (group === undefined) {
      group = { names, columns: indexes, entries: [], mask: 0, root: new Map() };
      this.#groups.push(group);
    }
    const mask = announces ? ALL : maskOf(instrument.of);
    group.mask |= mask;
    group.entries.push({
      index: group.entries.length,
      metric: instrument.metric,
      mask,
      valueColumn: instrument.value === undefined || announces ? -1 : columns.add(expand(instrument.value)),
      constants,
      values: instrument.values,
      announces,
      base: mask === RUNNING ? this.#baseOf(instrument.metric.name) : '',
    });
  }

  /** The first entry of a metric, the second: whatever other metrics there are. */
  #baseOf(name: string): string {
    const number = (this.#running.get(name) ?? 0) + 1;
    this.#running.set(name, number);
    return `${name}#${number}`;
  }

  /** Adds a row to the instruments of `mask`. */
  add(row: Row, mask: number, skips: Skips): void {
    for (const group of this.#groups) {
      if ((group.mask & mask) === 0) continue;
      let cells: (Cell | undefined)[] | undefined;
      for (const entry of group.entries) {
        if ((entry.mask & mask) === 0) continue;
        let value = 1;
        if (entry.valueColumn >= 0) {
          const raw = row[entry.valueColumn] ?? null;
          if (raw === null || !acceptable(raw, entry.metric, skips)) continue;
          value = raw;
        }
        cells ??= this.#cellsOf(group, row);
        const cell = cells[entry.index] ?? this.#newCell(cells, group, entry, row, skips);
        if (!cell.touched) {
          cell.touched = true;
          this.#touched.push(cell);
        }
        if (!entry.announces) record(cell, value);
      }
    }
  }

  /** Adds the growth of running totals since `bases`; returns the values now. A fall only lowers the base. */
  addGrowth(row: Row, bases: Readonly<Record<string, number>> | undefined, skips: Skips): Record<string, number> {
    const now: Record<string, number> = {};
    for (const group of this.#groups) {
      if ((group.mask & RUNNING) === 0) continue;
      for (const entry of group.entries) {
        if (entry.mask !== RUNNING) continue;
        const raw = row[entry.valueColumn] ?? null;
        const base = bases?.[entry.base];
        if (raw === null || !acceptable(raw, entry.metric, skips)) {
          if (base !== undefined) now[entry.base] = base;
          continue;
        }
        now[entry.base] = raw;
        const cells = this.#cellsOf(group, row);
        const cell = cells[entry.index] ?? this.#newCell(cells, group, entry, row, skips);
        if (!cell.touched) {
          cell.touched = true;
          this.#touched.push(cell);
        }
        if (raw > (base ?? 0)) addGrowthTo(cell.sum, raw, base ?? 0);
      }
    }
    return now;
  }

  #cellsOf(group: Group, row: Row): (Cell | undefined)[] {
    let node: Node = group.root;
    const last = group.columns.length - 1;
    for (let index = 0; index <= last; index += 1) {
      const value = row[group.columns[index]!]!;
      let next = node.get(value);
      if (next === undefined) {
        next = index === last ? [] : new Map<SqlValue, never>();
        node.set(value, next);
      }
      if (Array.isArray(next)) return next;
      node = next;
    }
    // No attribute columns: the cells hang at the root.
    let cells = node.get(null);
    if (!Array.isArray(cells)) {
      cells = [];
      node.set(null, cells);
    }
    return cells;
  }

  #newCell(cells: (Cell | undefined)[], group: Group, entry: Entry, row: Row, skips: Skips): Cell {
    const own: Record<string, AttributeValue> = {};
    group.names.forEach((name, index) => {
      const value = attributeValue(row[group.columns[index]!]!, skips);
      if (value !== undefined) own[name] = value;
    });
    for (const [name, value] of entry.constants) own[name] = value;
    const cell: Cell = {
      entry,
      attributes: own,
      siblings: siblingsOf(own, entry.values),
      touched: false,
      count: 0,
      sum: [],
      buckets: entry.metric.boundaries === undefined ? [] : emptyBuckets(entry.metric.boundaries),
    };
    cells[entry.index] = cell;
    this.#cells += 1;
    return cell;
  }

  /**
   * The points of the page; the fold is empty again afterwards, but knows its series. Copied by slice(): V8 allocates what
   * a spread makes among the long-lived objects once it has seen some of them live, and these live for one page.
   */
  flush(): MetricPoints[] {
    const numbers = new Map<Metric, NumberPoint[]>();
    const histograms = new Map<Metric, HistogramPoint[]>();
    for (const cell of this.#touched) {
      const { metric } = cell.entry;
      if (metric.type === 'histogram') {
        listOf(histograms, metric).push({
          attributes: cell.attributes,
          count: cell.count,
          sum: cell.sum.slice(),
          bucketCounts: cell.buckets.slice(),
        });
        continue;
      }
      const points = listOf(numbers, metric);
      if (!cell.entry.announces) points.push({ attributes: cell.attributes, value: valueOf(cell) });
      for (const attributes of cell.siblings) points.push({ attributes, value: [] });
    }
    this.clear();
    return [
      ...[...numbers].map(([metric, points]): MetricPoints => ({ metric, mode: 'delta', points })),
      ...[...histograms].map(([metric, points]): MetricPoints => ({ metric, mode: 'delta', histograms: points })),
    ];
  }

  /** Forgets the rows added since the last flush. */
  clear(): void {
    for (const cell of this.#touched) {
      cell.touched = false;
      cell.count = 0;
      cell.sum.length = 0;
      cell.buckets.fill(0);
    }
    this.#touched.length = 0;
    if (this.#cells > MAX_CELLS) {
      for (const group of this.#groups) group.root = new Map();
      this.#cells = 0;
    }
  }
}

export function maskOf(of: Of): number {
  switch (of) {
    case 'settled':
      return SETTLED;
    case 'complete':
      return COMPLETE;
    case 'all':
      return ALL;
    case 'open':
      return RUNNING;
  }
}

function record(cell: Cell, value: number): void {
  const { metric, valueColumn } = cell.entry;
  if (metric.type === 'histogram') {
    cell.count += 1;
    addTo(cell.sum, value);
    const index = bucketIndex(metric.boundaries!, value);
    cell.buckets[index] = cell.buckets[index]! + 1;
  } else if (valueColumn < 0) cell.count += 1;
  else if (metric.type !== 'gauge') addTo(cell.sum, value);
  else if (metric.aggregation === 'last' || cell.sum.length === 0 || value > cell.sum[0]!) cell.sum[0] = value;
}

function valueOf(cell: Cell): number[] {
  return cell.entry.valueColumn < 0 ? [cell.count] : cell.sum.slice();
}

/** raw - base, exactly. */
function addGrowthTo(sum: number[], raw: number, base: number): void {
  addTo(sum, raw);
  addTo(sum, -base);
}

/** Index of the bucket: the first whose upper bound is not below the value. */
function bucketIndex(boundaries: readonly number[], value: number): number {
  let low = 0;
  let high = boundaries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (boundaries[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Every combination of the values that are published together. */
function siblingsOf(attributes: Attributes, values: Instrument['values']): Attributes[] {
  if (values.length === 0) return [];
  let combinations: Attributes[] = [attributes];
  for (const [name, list] of values) {
    combinations = combinations.flatMap((base) => list.map((value) => ({ ...base, [name]: value })));
  }
  return combinations;
}

function emptyBuckets(boundaries: readonly number[]): number[] {
  return new Array<number>(boundaries.length + 1).fill(0);
}

function listOf<P>(lists: Map<Metric, P[]>, metric: Metric): P[] {
  let list = lists.get(metric);
  if (list === undefined) {
    list = [];
    lists.set(metric, list);
  }
  return list;
}
