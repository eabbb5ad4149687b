import type { Processor } from '../component.ts';
import type { Attributes } from './signals.ts';

/** What everything is about that went through these processors. Only once they have started. */
export function resourceOf(processors: readonly Processor[]): Attributes {
  return processors.reduce<Attributes>((resource, processor) => processor.resource?.(resource) ?? resource, {});
}
