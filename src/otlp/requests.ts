/** Some 200 KB; encoding them takes some milliseconds of the event loop. */
const ITEMS_PER_REQUEST = 500;
/** A gRPC server takes 4 MB, and the Collector's otlpjsonfile lines of 1 MiB: what is longer is sent as two. */
const MAX_REQUEST_BYTES = 1_000_000;

export interface Request {
  /** How many points, spans or log records. */
  readonly size: number;
  readonly request: Uint8Array;
}

/** Encoded one at a time, when the one before was sent. */
export function* requestsOf<T>(items: readonly T[], encode: (part: readonly T[]) => Uint8Array): Generator<Request> {
  for (let index = 0; index < items.length; index += ITEMS_PER_REQUEST) {
    yield* split(items.slice(index, index + ITEMS_PER_REQUEST), encode);
  }
}

function* split<T>(items: readonly T[], encode: (part: readonly T[]) => Uint8Array): Generator<Request> {
  const request = encode(items);
  if (items.length === 1 || request.length <= MAX_REQUEST_BYTES) {
    yield { size: items.length, request };
    return;
  }
  const middle = Math.ceil(items.length / 2);
  yield* split(items.slice(0, middle), encode);
  yield* split(items.slice(middle), encode);
}
