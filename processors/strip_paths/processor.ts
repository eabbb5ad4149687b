import type { Processor, Settings, TracedAttribute } from '../../src/component.ts';
import { keyedHash, keySource } from '../../src/config/hmac.ts';
import { mapValues, matchesAny } from '../../src/pipeline/attributes.ts';
import { mapAttributes, type Attributes, type Batch } from '../../src/pipeline/signals.ts';
import type { Config } from './config.ts';
import { findPaths, type FoundPath } from './paths.ts';

const TREATMENTS = {
  basename: 'paths stripped',
  drop: 'left out where it holds a path',
  hash: 'paths hashed',
} as const;

/** Looks into text only: numbers and booleans hold no path. */
export class StripPathsProcessor implements Processor {
  readonly #keySource: (() => string | Buffer) | undefined;
  readonly #strip: (attributes: Attributes) => Attributes;
  readonly #named: (name: string) => boolean;
  readonly #treatment: string;
  #key: string | Buffer | undefined;

  constructor(config: Config, settings: Settings) {
    const source = config.mode === 'hash' ? keySource(config, settings) : undefined;
    this.#keySource = source;
    const replace =
      source === undefined
        ? ({ last }: FoundPath) => last
        : ({ path }: FoundPath) => keyedHash((this.#key ??= source()), path, config.length);
    const named = matchesAny(config.attributes);
    this.#named = named;
    this.#treatment = TREATMENTS[config.mode];
    this.#strip = mapValues((value, name) => {
      if (typeof value !== 'string' || !named(name)) return value;
      if (config.mode === 'drop') return findPaths(value).length === 0 ? value : undefined;
      return stripPaths(value, replace);
    });
  }

  async start(): Promise<void> {
    this.#key = this.#keySource?.();
  }

  traceAttributes(attributes: readonly TracedAttribute[]): readonly TracedAttribute[] {
    return attributes.map(({ name, treatments }) => ({
      name,
      treatments: this.#named(name) ? [...treatments, this.#treatment] : treatments,
    }));
  }

  process(batch: Batch): Batch | undefined {
    return batch.metrics.length === 0 ? undefined : mapAttributes(batch, this.#strip);
  }
}

/** What is left may read as a path again (`C:/C:/x`); so often is enough, and bounds the time. */
const MAX_PASSES = 4;

function stripPaths(text: string, replace: (path: FoundPath) => string): string {
  let stripped = text;
  for (let pass = 0; pass < MAX_PASSES; pass += 1) {
    const paths = findPaths(stripped);
    if (paths.length === 0) break;
    stripped = replaceAll(stripped, paths, replace);
  }
  return stripped;
}

function replaceAll(text: string, paths: readonly FoundPath[], replace: (path: FoundPath) => string): string {
  let result = '';
  let kept = 0;
  for (const path of paths) {
    result += text.slice(kept, path.start) + replace(path);
    kept = path.end;
  }
  return result + text.slice(kept);
}
