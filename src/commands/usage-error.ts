import { didYouMean } from '../config/nearest.ts';

/** Called in a way that means nothing: exit 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The word, which must be one of `known`. Throws UsageError: "hooks needs install, uninstall or status". */
export function oneOf<T extends string>(word: string | undefined, known: readonly T[], title: string, kind: string): T {
  const found = known.find((one) => one === word);
  if (found !== undefined) return found;
  const wrong = word === undefined ? '' : `: unknown ${kind} ${JSON.stringify(word)}${didYouMean(word, known)}`;
  throw new UsageError(`${title} ${known.slice(0, -1).join(', ')} or ${known.at(-1) ?? ''}${wrong}`);
}
