import type { IncomingHttpHeaders } from 'node:http';
import type { Rejection } from '../../src/component.ts';
import { describeError, PermanentError, RetryableError } from '../../src/errors.ts';
import { readAnswer, refusalText } from '../../src/otlp/answer.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/**
 * The answers that are about what was sent, so that sending it again changes nothing. All others are about the endpoint or
 * who asks, also those that OTLP would not try again (401, 403, 404, redirections): an operator mends these, and until then
 * nothing is lost, because the source keeps it.
 */
const ABOUT_THE_REQUEST: readonly number[] = [400, 413, 422, 500];

/** However long an endpoint wants to be left alone. */
const MAX_RETRY_AFTER_MS = 3_600_000;

/** What became of a request: undefined or what was refused of it, or an error as BatchExporter.export rejects with. */
export function outcomeOf(answer: Answer, place: string, nowMs: number): Rejection | undefined {
  const { status, body } = answer;
  const contentType = answer.headers['content-type'] ?? '';
  if (status < 200 || status > 299) throw refusal(answer, contentType, place, nowMs);
  if (body.length === 0) return undefined;
  try {
    if (contentType.startsWith('application/x-protobuf')) return readAnswer(body, 'proto');
    if (contentType.startsWith('application/json')) return readAnswer(body, 'json');
  } catch (error) {
    throw new RetryableError(`${place} has answered ${status} with what is no OTLP: ${describeError(error)}`);
  }
  const said = contentType === '' ? 'what has no content type' : contentType.slice(0, 60);
  throw new RetryableError(`${place} has answered ${status} with ${said}, which is no OTLP`);
}

function refusal({ status, headers, body }: Answer, contentType: string, place: string, nowMs: number): Error {
  const text = refusalText(body, contentType);
  const message = `${place} has answered ${status}${text === '' ? '' : `: ${text}`}${remedyFor(status)}`;
  if (ABOUT_THE_REQUEST.includes(status)) return new PermanentError(message);
  const retryAfterMs = parseRetryAfter(headers['retry-after'], nowMs);
  return new RetryableError(message, retryAfterMs === undefined ? {} : { retryAfterMs });
}

function remedyFor(status: number): string {
  if (status === 401 || status === 403) return '; look at auth and headers';
  if (status === 404 || status === 405) return '; look at the path of endpoint';
  return status >= 300 && status < 400 ? '; redirections are not followed: set endpoint to where it leads' : '';
}

/** Seconds, or a date. */
function parseRetryAfter(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - nowMs;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), MAX_RETRY_AFTER_MS);
}
