/**
 * An exact sum of doubles: non-overlapping partials, smallest first, whose exact sum is the value (Shewchuk 1997, as in
 * Python's math.fsum). Order and grouping of the additions do not matter, and x - x is exactly 0: an up-down without open
 * rows is 0, not 2.7e-17. Plain JSON, so that it is stored as it is. Whole numbers stay one partial.
 */
export type Sum = readonly number[];

/** Beyond this magnitude a value is refused: ten to the fifteenth of them still add without overflow. */
export const MAX_MAGNITUDE = 1e292;

/** Adds `value` to `partials` in place. `value` must be finite and at most MAX_MAGNITUDE. */
export function addTo(partials: number[], value: number): void {
  let carry = value;
  let kept = 0;
  for (let index = 0; index < partials.length; index += 1) {
    const partial = partials[index]!;
    // Knuth's two-sum: high + low is exactly carry + partial.
    const high = carry + partial;
    const virtual = high - carry;
    const low = carry - (high - virtual) + (partial - virtual);
    if (low !== 0) partials[kept++] = low;
    carry = high;
  }
  if (carry !== 0) partials[kept++] = carry;
  if (partials.length !== kept) partials.length = kept;
}

/** The exact sum of two sums. */
export function addSums(a: Sum, b: Sum): Sum {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const total = [...a];
  for (const partial of b) addTo(total, partial);
  return total;
}

/** The double nearest to the exact sum (correct to the last place but for ties, as adding the partials from the largest down). */
export function sumValue(sum: Sum): number {
  let total = 0;
  for (let index = sum.length - 1; index >= 0; index -= 1) total += sum[index]!;
  return total;
}
