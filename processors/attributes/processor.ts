import type { Processor, Settings, TracedAttribute } from '../../src/component.ts';
import { actionsOf, type Actions } from '../../src/config/actions.ts';
import { remembered, TEXTS } from '../../src/pipeline/attributes.ts';
import { mapAttributes, sizeOf, type Attributes, type Batch } from '../../src/pipeline/signals.ts';
import type { Config } from './config.ts';

export class AttributesProcessor implements Processor {
  readonly #actions: Actions;
  readonly #apply: (attributes: Attributes) => Attributes;
  readonly #texts: readonly string[];

  constructor(config: Config, settings: Settings) {
    const actions = actionsOf(config.actions, config, settings);
    this.#actions = actions;
    this.#texts = TEXTS[settings.signal ?? 'metrics'];
    this.#apply = remembered((attributes) => actions.apply(attributes));
  }

  async start(): Promise<void> {
    this.#actions.start();
  }

  traceAttributes(attributes: readonly TracedAttribute[]): readonly TracedAttribute[] {
    const traced = this.#actions.trace(attributes);
    // An attribute that is called like one of them is acted upon; the text itself stays as it is.
    const texts = attributes.filter(({ name }) => this.#texts.includes(name));
    return [...traced, ...texts.filter((text) => !traced.includes(text))];
  }

  process(batch: Batch): Batch | undefined {
    return sizeOf(batch) === 0 ? undefined : mapAttributes(batch, this.#apply);
  }
}
