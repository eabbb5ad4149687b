import { status, type ServiceError } from '@grpc/grpc-js';
import { PermanentError, RetryableError } from '../../src/errors.ts';
import { quoted } from '../../src/otlp/answer.ts';
import { bytesField, fieldsOf, numberField } from '../../src/otlp/wire.ts';

/**
 * The codes that are about what was sent. Those about the endpoint or who asks are tried again although OTLP would give
 * them up (UNAUTHENTICATED, PERMISSION_DENIED, UNIMPLEMENTED, NOT_FOUND): until an operator has mended it, nothing is lost.
 */
const ABOUT_THE_REQUEST: readonly status[] = [
  status.INVALID_ARGUMENT,
  status.ALREADY_EXISTS,
  status.FAILED_PRECONDITION,
  status.INTERNAL,
  status.UNKNOWN,
];

/** However long an endpoint wants to be left alone. */
const MAX_RETRY_AFTER_MS = 3_600_000;

/** What becomes of a call that has failed, as BatchExporter.export rejects. `within`: the timeout. */
export function failureOf(error: ServiceError, place: string, within: string): PermanentError | RetryableError {
  if (error.code === status.DEADLINE_EXCEEDED) return new RetryableError(`${place} has not answered within ${within}`);
  const message = `${place}: ${status[error.code]}: ${detailsOf(error)}${remedyFor(error)}`;
  const retryAfterMs = retryDelayMs(error);
  // So says the client itself when a stream or a proxy breaks off, and not the endpoint of a request.
  const brokeOff = error.details.startsWith('Received ');
  const isPermanent =
    (ABOUT_THE_REQUEST.includes(error.code) && !brokeOff) ||
    (error.code === status.RESOURCE_EXHAUSTED && retryAfterMs === undefined);
  if (isPermanent) return new PermanentError(message);
  return new RetryableError(message, retryAfterMs === undefined ? {} : { retryAfterMs });
}

/** Without the times that the client puts in: a message that is repeated is the same. */
function detailsOf({ details }: ServiceError): string {
  return quoted(details.replace(/ ?\(?\d{4}-\d\d-\d\dT[\d:.]+Z\)?/g, ''));
}

function remedyFor({ code, details }: ServiceError): string {
  if (code === status.UNAUTHENTICATED || code === status.PERMISSION_DENIED) return '; look at auth and headers';
  if (code === status.UNIMPLEMENTED) return '; look at endpoint: it takes no OTLP of this signal';
  return /wrong version number|packet length too long/i.test(details)
    ? '; where it speaks no TLS, set tls::insecure'
    : '';
}

/** google.rpc.RetryInfo among the details of google.rpc.Status. */
function retryDelayMs({ metadata }: ServiceError): number | undefined {
  const [status] = metadata.get('grpc-status-details-bin');
  if (!(status instanceof Uint8Array)) return undefined;
  try {
    for (const { number, value } of fieldsOf(status)) {
      if (number !== 3 || !(value instanceof Uint8Array)) continue;
      const any = fieldsOf(value);
      const type = new TextDecoder().decode(bytesField(any, 1) ?? new Uint8Array());
      if (!type.endsWith('google.rpc.RetryInfo')) continue;
      const delay = fieldsOf(bytesField(fieldsOf(bytesField(any, 2) ?? new Uint8Array()), 1) ?? new Uint8Array());
      const delayMs = numberField(delay, 1) * 1_000 + numberField(delay, 2) / 1e6;
      return Math.min(Math.max(0, delayMs), MAX_RETRY_AFTER_MS);
    }
  } catch {
    // Details that cannot be read say nothing.
  }
  return undefined;
}
