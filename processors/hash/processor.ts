import type { Processor, Settings, TracedAttribute } from '../../src/component.ts';
import { hasherOf, type Hasher } from '../../src/config/hmac.ts';
import { mapValues, matchesAny } from '../../src/pipeline/attributes.ts';
import { mapAttributes, type Attributes, type Batch } from '../../src/pipeline/signals.ts';
import type { Config } from './config.ts';

/** Hashes the text of a value, so that the number 5 of one table is the text "5" of another. */
export class HashProcessor implements Processor {
  readonly #hasher: Hasher;
  readonly #hash: (attributes: Attributes) => Attributes;
  readonly #named: (name: string) => boolean;

  constructor(config: Config, settings: Settings) {
    const hasher = hasherOf(config, settings);
    const named = matchesAny(config.attributes);
    this.#hasher = hasher;
    this.#named = named;
    this.#hash = mapValues((value, name) => (named(name) ? hasher.hash(String(value)) : value));
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
    return batch.metrics.length === 0 ? undefined : mapAttributes(batch, this.#hash);
  }
}
