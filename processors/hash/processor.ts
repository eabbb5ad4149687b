import type { Processor, Settings, TracedAttribute } from '../../src/component.ts';
import { hasherOf, type Hasher } from '../../src/config/hmac.ts';
import { mapTexts, mapValues, matchesAny } from '../../src/pipeline/attributes.ts';
import { sizeOf, type Attributes, type AttributeValue, type Batch } from '../../src/pipeline/signals.ts';
import type { Config } from './config.ts';

/** Hashes the text of a value, so that the number 5 of one table is the text "5" of another. */
export class HashProcessor implements Processor {
  readonly #hasher: Hasher;
  readonly #hashOne: (value: AttributeValue, name: string) => AttributeValue;
  readonly #hash: (attributes: Attributes) => Attributes;
  readonly #named: (name: string) => boolean;

  constructor(config: Config, settings: Settings) {
    const hasher = hasherOf(config, settings);
    const named = matchesAny(config.attributes);
    this.#hasher = hasher;
    this.#named = named;
    this.#hashOne = (value, name) => (named(name) ? hasher.hash(String(value)) : value);
    this.#hash = mapValues(this.#hashOne);
  }

  async start(): Promise<void> {
    this.#hasher.start();
  }

  traceAttributes(attributes: readonly TracedAttribute[]): readonly TracedAttribute[] {
    return attributes.map((attribute) =>
      this.#named(attribute.name)
        ? { ...attribute, treatments: [...attribute.treatments, 'hashed'], hidden: 'values' }
        : attribute,
    );
  }

  process(batch: Batch): Batch | undefined {
    return sizeOf(batch) === 0 ? undefined : mapTexts(batch, this.#hashOne, this.#hash);
  }
}
