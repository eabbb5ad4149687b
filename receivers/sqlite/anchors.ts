/** Anchors of the rows passed last; of those before, exponentially thinned, so that a gap between two is small beside its distance. */
export const RECENT_ANCHORS = 256;
const OLD_ANCHORS = 128;
const THINNING = 1.08;
/** Of each stretch of rows that a table lost; four such stretches are remembered. */
const RECENT_FORMER = 64;
const OLD_FORMER = 64;
const MOST_FORMER = 4 * (RECENT_FORMER + OLD_FORMER);

/** A row that the cursor passed: row id, fingerprint of its identity, digest of its key ('' where there is none). */
export type Anchor = readonly [rowId: number, fingerprint: string, key: string];

/** How far below the newest row the rows should be that old anchors are made of: in row ids, growing. */
export function* distances(): Iterable<number> {
  let distance = RECENT_ANCHORS;
  for (let count = 1; count < OLD_ANCHORS; count += 1) {
    yield Math.round(distance);
    distance *= THINNING;
  }
}

/** All recent anchors, and of the older ones those whose distance to the newest grows exponentially; the oldest stays. */
export function thinned(
  anchors: readonly Anchor[],
  recentCount = RECENT_ANCHORS,
  oldCount = OLD_ANCHORS,
  ratio = THINNING,
): Anchor[] {
  if (anchors.length <= recentCount) return [...anchors];
  const recent = anchors.slice(-recentCount);
  const older = anchors.slice(0, -recentCount);
  const newest = recent.at(-1)![0];
  const kept: Anchor[] = [];
  let distance = 0;
  for (const anchor of older.reverse()) {
    if (kept.length === oldCount - 1) break;
    if (newest - anchor[0] < distance * ratio) continue;
    distance = newest - anchor[0];
    kept.push(anchor);
  }
  const oldest = older.at(-1)!;
  if (kept.at(-1) !== oldest) kept.push(oldest);
  return [...kept.reverse(), ...recent];
}

/**
 * Adds anchors of rows that are not in the table any more to those that were lost before: should the rows come back, they
 * are known. One whose fingerprint another of the `anchors` has too would not tell an old row from a new one.
 */
export function withLost(
  former: readonly Anchor[],
  lost: readonly Anchor[],
  anchors: readonly Anchor[],
): readonly Anchor[] {
  const counts = new Map<string, number>();
  for (const [, fingerprint] of anchors) counts.set(fingerprint, (counts.get(fingerprint) ?? 0) + 1);
  const telling = lost.filter(([, fingerprint]) => fingerprint !== '' && counts.get(fingerprint) === 1);
  if (telling.length === 0) return former;
  return [...former, ...thinned(telling, RECENT_FORMER, OLD_FORMER)].slice(-MOST_FORMER);
}

/** By row id, one for each: the last one given. */
export function ordered(anchors: readonly Anchor[]): Anchor[] {
  return [...new Map(anchors.map((anchor) => [anchor[0], anchor])).values()].sort(([a], [b]) => a - b);
}
