import type { HookEvent, Limits, Refusal } from './event.ts';

/**
 * What a payload of one hook event means. Pure, and never throws: what cannot be understood is a Refusal.
 * `stampMs` is when the hook began, epoch milliseconds; `digest` a keyed digest, so that equal inputs are recognised unseen.
 */
export function decode(
  text: string | Buffer,
  limits: Limits,
  stampMs: number,
  digest: (text: string) => string,
): HookEvent | Refusal {
  void limits;
  void digest;
  const time = new Date(stampMs).toISOString();
  return { kind: 'refusal', reason: 'invalid', detail: '', time, size: text.length, name: null, sessionId: null };
}
