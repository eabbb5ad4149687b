import type { Processor, Settings, TracedAttribute } from '../../src/component.ts';
import { hasherOf, type Hasher } from '../../src/config/hmac.ts';
import { mapTexts, mapValues, matchesAny } from '../../src/pipeline/attributes.ts';
import { sizeOf, type Attributes, type AttributeValue, type Batch } from '../../src/pipeline/signals.ts';
import type { Config } from './config.ts';
import { findPaths, type FoundPath } from './paths.ts';
import { WELL_KNOWN } from './start.ts';

const TREATMENTS = {
  basename: 'paths stripped',
  drop: 'left out where it holds a path',
  hash: 'paths hashed',
} as const;

/** Looks into text only: numbers and booleans hold no path. */
export class StripPathsProcessor implements Processor {
  readonly #hasher: Hasher | undefined;
  readonly #stripOne: (value: AttributeValue, name: string) => AttributeValue | undefined;
  readonly #strip: (attributes: Attributes) => Attributes;
  readonly #named: (name: string) => boolean;
  readonly #treatment: string;

  constructor(config: Config, settings: Settings) {
    const hasher = config.mode === 'hash' ? hasherOf(config, settings) : undefined;
    this.#hasher = hasher;
    const replace = hasher === undefined ? basename : ({ path }: FoundPath) => hasher.hash(path);
    const named = matchesAny(config.attributes);
    this.#named = named;
    this.#treatment = TREATMENTS[config.mode];
    this.#stripOne = (value, name) => {
      if (typeof value !== 'string' || !named(name)) return value;
      if (config.mode === 'drop') return findPaths(value).length === 0 ? value : undefined;
      return stripPaths(value, replace);
    };
    this.#strip = mapValues(this.#stripOne);
  }

  async start(): Promise<void> {
    this.#hasher?.start();
  }

  traceAttributes(attributes: readonly TracedAttribute[]): readonly TracedAttribute[] {
    return attributes.map((attribute) => {
      const { name, treatments, hidden = 'folders' } = attribute;
      return this.#named(name) ? { ...attribute, treatments: [...treatments, this.#treatment], hidden } : attribute;
    });
  }

  process(batch: Batch): Batch | undefined {
    return sizeOf(batch) === 0 ? undefined : mapTexts(batch, this.#stripOne, this.#strip);
  }
}

type Replace = (path: FoundPath, text: string) => string;

/** A regular expression without anything special, a slash command: what the last element would show, and no more. */
const ONE_WORD = new RegExp(String.raw`^/(?!(?:${WELL_KNOWN})/?$)[\p{L}\p{N}_][\p{L}\p{N}_:-]*/?$`, 'iu');

function basename({ start, end, last }: FoundPath, text: string): string {
  const path = text.slice(start, end);
  const stays = last !== '~' && (path.endsWith('/') || path === text) && ONE_WORD.test(path);
  return stays ? path : last;
}

/** What is left may read as a path again (`C:/C:/x`); so often is enough, and bounds the time. */
const MAX_PASSES = 4;

function stripPaths(text: string, replace: Replace): string {
  let stripped = text;
  for (let pass = 0; pass < MAX_PASSES; pass += 1) {
    const paths = findPaths(stripped);
    const before = stripped;
    stripped = replaceAll(before, paths, replace);
    if (stripped === before) break;
  }
  return stripped;
}

function replaceAll(text: string, paths: readonly FoundPath[], replace: Replace): string {
  let result = '';
  let kept = 0;
  for (const path of paths) {
    result += text.slice(kept, path.start) + replace(path, text);
    kept = path.end;
  }
  return result + text.slice(kept);
}
