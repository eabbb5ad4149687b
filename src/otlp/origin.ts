import type { HrTime } from '@opentelemetry/api';
import { resourceFromAttributes, type Resource } from '@opentelemetry/resources';
import { packageVersion } from '../package.ts';
import type { Attributes } from '../pipeline/signals.ts';

export type Encoding = 'proto' | 'json';

export const SCOPE = { name: 'agentcol', version: packageVersion() };

/** What everything is about; semantic conventions want every resource to have a service.name. */
export function resourceOf(attributes: Attributes): Resource {
  return resourceFromAttributes({ 'service.name': 'agentcol', ...attributes });
}

/** Epoch milliseconds to the microsecond, which is as exact as they are. */
export function hrTime(ms: number): HrTime {
  const micros = Math.round(ms * 1_000);
  const seconds = Math.floor(micros / 1_000_000);
  return [seconds, (micros - seconds * 1_000_000) * 1_000];
}

/** What a serializer of the package has made; it makes something of everything. */
export function serialized(request: Uint8Array | undefined): Uint8Array {
  if (request === undefined) throw new Error('nothing was serialized');
  return request;
}
