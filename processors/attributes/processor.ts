import type { Processor, Settings, TracedAttribute } from '../../src/component.ts';
import { actionsOf, type Actions } from '../../src/config/actions.ts';
import { remembered } from '../../src/pipeline/attributes.ts';
import { mapAttributes, sizeOf, type Attributes, type Batch } from '../../src/pipeline/signals.ts';
import type { Config } from './config.ts';

export class AttributesProcessor implements Processor {
  readonly #actions: Actions;
  readonly #apply: (attributes: Attributes) => Attributes;

  constructor(config: Config, settings: Settings) {
    const actions = actionsOf(config.actions, config, settings);
    this.#actions = actions;
    this.#apply = remembered((attributes) => actions.apply(attributes));
  }

  async start(): Promise<void> {
    this.#actions.start();
  }

  traceAttributes(attributes: readonly TracedAttribute[]): readonly TracedAttribute[] {
    return this.#actions.trace(attributes);
  }

  process(batch: Batch): Batch | undefined {
    return sizeOf(batch) === 0 ? undefined : mapAttributes(batch, this.#apply);
  }
}
