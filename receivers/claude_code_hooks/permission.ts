import type { Call } from './call.ts';
import { shift, TOLERANCE_MS } from './stamp.ts';

/** A request for permission as it is stored. Times ISO 8601 UTC. */
export interface PermissionRequest {
  readonly id: number;
  readonly agent_id: string | null;
  readonly time: string;
  readonly resolved_time: string | null;
  readonly outcome: string | null;
}

/**
 * What has become of the requests for one tool and input. A request carries no id of its call: it belongs to the latest call
 * begun before it that no other request has. Gives the requests anew, in the order of time.
 */
export function resolve(requests: readonly PermissionRequest[], calls: readonly Call[]): PermissionRequest[] {
  const latestFirst = [...calls].sort((a, b) => compare(keyOf(b), keyOf(a)));
  const taken = new Set<Call>();
  return [...requests]
    .sort((a, b) => compare(a.time, b.time) || a.id - b.id)
    .map((request) => {
      const last = shift(request.time, TOLERANCE_MS);
      const call = latestFirst.find(
        (one) =>
          !taken.has(one) &&
          one.agent_id === request.agent_id &&
          (one.start_time ?? '') <= last &&
          (one.end_time === null || one.end_time >= request.time),
      );
      if (call !== undefined) taken.add(call);
      return { ...request, ...resolutionBy(call, request.time) };
    });
}

function resolutionBy(call: Call | undefined, asked: string): Pick<PermissionRequest, 'outcome' | 'resolved_time'> {
  if (call === undefined || call.end_time === null) return { outcome: null, resolved_time: null };
  if (call.status === 'denied') return { outcome: 'denied', resolved_time: call.end_time };
  const outcome = call.error_type === 'interrupted' ? 'interrupted' : 'allowed';
  if (call.duration_seconds === null) return { outcome, resolved_time: null };
  // The call ran from when it was allowed to; the end is stamped a little late, so this errs on the long side.
  const ran = shift(call.end_time, Math.round(-1000 * call.duration_seconds));
  return { outcome, resolved_time: ran < asked ? asked : ran };
}

function keyOf({ start_time, end_time, tool_use_id }: Call): string {
  return `${start_time ?? ''} ${end_time ?? ''} ${tool_use_id ?? ''}`;
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
