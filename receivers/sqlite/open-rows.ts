import type { Contribution, OpenRow } from '../../src/component.ts';
import type { Attributes, AttributeValue } from '../../src/pipeline/signals.ts';
import { acceptable, attributeValue, type Row, type Skips, type SqlValue } from './row-values.ts';
import type { OpenInstrument } from './table-statements.ts';

/** Cells of equal attributes and value are one object, so that 50 000 open rows cost a reference each. */
const MAX_INTERNED = 50_000;

/** What open rows add to up-down counters. */
export class Contributions {
  readonly #instruments: readonly OpenInstrument[];
  readonly #interned: Map<string, Contribution>[];
  readonly #lists = new Map<Contribution, readonly Contribution[]>();

  constructor(instruments: readonly OpenInstrument[]) {
    this.#instruments = instruments;
    this.#interned = instruments.map(() => new Map<string, Contribution>());
  }

  /** Of one row, given one result per element of its array (one result where it has none). */
  of(rows: readonly Row[], skips: Skips): readonly Contribution[] {
    const list: Contribution[] = [];
    for (const row of rows) {
      this.#instruments.forEach((instrument, index) => {
        const raw: SqlValue = instrument.valueColumn < 0 ? 1 : (row[instrument.valueColumn] ?? null);
        if (raw === null || !acceptable(raw, instrument.metric, skips)) return;
        list.push(this.#contribution(instrument, index, row, raw, skips));
      });
    }
    return list.length === 1 ? this.#listOf(list[0]!) : list;
  }

  #contribution(instrument: OpenInstrument, index: number, row: Row, value: number, skips: Skips): Contribution {
    const cells = instrument.attributes.map(([, column]) => row[column]!);
    const key = JSON.stringify([value, cells]);
    const interned = this.#interned[index]!;
    const known = interned.get(key);
    if (known !== undefined) return known;
    const attributes: Record<string, AttributeValue> = {};
    instrument.attributes.forEach(([name], at) => {
      const attribute = attributeValue(cells[at]!, skips);
      if (attribute !== undefined) attributes[name] = attribute;
    });
    const contribution = { metric: instrument.metric, attributes: attributes as Attributes, value };
    if (interned.size >= MAX_INTERNED) {
      interned.clear();
      this.#lists.clear();
    }
    interned.set(key, contribution);
    return contribution;
  }

  #listOf(contribution: Contribution): readonly Contribution[] {
    let list = this.#lists.get(contribution);
    if (list === undefined) {
      list = [contribution];
      this.#lists.set(contribution, list);
    }
    return list;
  }
}

/** Whether an open row is as it was: nothing to store, nothing to publish. */
export function sameOpenRow(a: OpenRow, b: OpenRow): boolean {
  return (
    a.identity === b.identity &&
    a.key === b.key &&
    a.firstSeenMs === b.firstSeenMs &&
    a.expiresAtMs === b.expiresAtMs &&
    sameContributions(a.contributions, b.contributions) &&
    JSON.stringify(a.bases) === JSON.stringify(b.bases)
  );
}

function sameContributions(a: OpenRow['contributions'], b: OpenRow['contributions']): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined || a.length !== b.length) return false;
  return a.every((contribution, index) => contribution === b[index]);
}
