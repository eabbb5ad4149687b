import type { Processor, Settings, TracedAttribute } from '../../src/component.ts';
import { actionsOf, type Actions } from '../../src/config/actions.ts';
import { sizeOf, type Attributes, type Batch } from '../../src/pipeline/signals.ts';
import type { Config } from './config.ts';

/** Leaves every point alone: a resource is told once, by whoever publishes. */
export class ResourceProcessor implements Processor {
  readonly #actions: Actions;

  constructor(config: Config, settings: Settings) {
    this.#actions = actionsOf(config.attributes, config, settings);
  }

  async start(): Promise<void> {
    this.#actions.start();
  }

  process(batch: Batch): Batch | undefined {
    return sizeOf(batch) === 0 ? undefined : batch;
  }

  traceAttributes(attributes: readonly TracedAttribute[]): readonly TracedAttribute[] {
    return attributes;
  }

  resource(attributes: Attributes): Attributes {
    return this.#actions.apply(attributes);
  }

  traceResource(attributes: readonly TracedAttribute[]): readonly TracedAttribute[] {
    return this.#actions.trace(attributes);
  }
}
