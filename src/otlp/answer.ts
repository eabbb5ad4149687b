import type { Rejection } from '../component.ts';
import type { Encoding } from './origin.ts';
import { bytesField, fieldsOf, numberField } from './wire.ts';

const MAX_QUOTED = 200;

/**
 * What the other side says of a request that it has taken: undefined when it has nothing to object. Throws where the
 * answer is no ExportTraceServiceResponse, ExportMetricsServiceResponse or ExportLogsServiceResponse, which are alike.
 */
export function readAnswer(body: Uint8Array, encoding: Encoding): Rejection | undefined {
  if (body.length === 0) return undefined;
  const { rejected, message } = encoding === 'json' ? fromJson(body) : fromProtobuf(body);
  return rejected === 0 && message === '' ? undefined : { rejected, message: quoted(message) };
}

function fromProtobuf(body: Uint8Array): Rejection {
  const partial = fieldsOf(bytesField(fieldsOf(body), 1) ?? new Uint8Array());
  return { rejected: numberField(partial, 1), message: text(bytesField(partial, 2)) };
}

function fromJson(body: Uint8Array): Rejection {
  const answer: unknown = JSON.parse(text(body));
  if (!isRecord(answer)) throw new SyntaxError('not a JSON object');
  const partial = isRecord(answer['partialSuccess']) ? answer['partialSuccess'] : {};
  const counts = ['rejectedSpans', 'rejectedDataPoints', 'rejectedLogRecords'].map((name) =>
    Number(partial[name] ?? 0),
  );
  const message = partial['errorMessage'];
  return {
    rejected: Math.max(...counts.filter(Number.isFinite), 0),
    message: typeof message === 'string' ? message : '',
  };
}

/** The message of a google.rpc.Status, which is what refusals are told with; of anything else, its text. */
export function refusalText(body: Uint8Array, contentType: string): string {
  try {
    if (contentType.startsWith('application/x-protobuf')) return quoted(text(bytesField(fieldsOf(body), 2)));
    if (contentType.startsWith('application/json')) {
      const status: unknown = JSON.parse(text(body));
      if (isRecord(status) && typeof status['message'] === 'string') return quoted(status['message']);
    }
  } catch {
    // Not what it says it is: then as text.
  }
  return contentType.startsWith('text/html') ? '' : quoted(text(body));
}

/** Shorter values of headers are no secrets, and may stand in any text. */
const SHORTEST_SECRET = 8;

/** The same bytes with asterisks for what a request has shown in headers: whoever refuses it may repeat that. */
export function withoutCredentials(answer: Buffer, headers: readonly string[]): Buffer {
  const covered = Buffer.from(answer);
  for (const secret of headers.flatMap((value) => value.split(' '))) {
    if (secret.length < SHORTEST_SECRET) continue;
    const { length } = Buffer.from(secret);
    for (let at = covered.indexOf(secret); at >= 0; at = covered.indexOf(secret, at))
      covered.fill('*', at, at + length);
  }
  return covered;
}

/** One short line of printable characters: it goes to logs. */
export function quoted(message: string): string {
  const line = message.replace(/[^\x20-\x7e\u00a0-\u{10ffff}]+/gu, ' ').trim();
  return line.length > MAX_QUOTED ? `${line.slice(0, MAX_QUOTED)}...` : line;
}

function text(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? '' : new TextDecoder().decode(bytes);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
