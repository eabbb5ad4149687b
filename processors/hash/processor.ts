import type { Processor, Settings, TracedAttribute } from '../../src/component.ts';
import { keyedHash, keySource } from '../../src/config/hmac.ts';
import { mapValues, matchesAny } from '../../src/pipeline/attributes.ts';
import { mapAttributes, type Attributes, type Batch } from '../../src/pipeline/signals.ts';
import type { Config } from './config.ts';

/** Hashes the text of a value, so that the number 5 of one table is the text "5" of another. */
export class HashProcessor implements Processor {
  readonly #keySource: () => string | Buffer;
  readonly #hash: (attributes: Attributes) => Attributes;
  readonly #named: (name: string) => boolean;
  #key: string | Buffer | undefined;

  constructor(config: Config, settings: Settings) {
    this.#keySource = keySource(config, settings);
    const named = matchesAny(config.attributes);
    this.#named = named;
    this.#hash = mapValues((value, name) =>
      named(name) ? keyedHash((this.#key ??= this.#keySource()), String(value), config.length) : value,
    );
  }

  async start(): Promise<void> {
    this.#key = this.#keySource();
  }

  traceAttributes(attributes: readonly TracedAttribute[]): readonly TracedAttribute[] {
    return attributes.map(({ name, treatments }) => ({
      name,
      treatments: this.#named(name) ? [...treatments, 'hashed'] : treatments,
    }));
  }

  process(batch: Batch): Batch | undefined {
    return batch.metrics.length === 0 ? undefined : mapAttributes(batch, this.#hash);
  }
}
