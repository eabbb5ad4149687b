import { expect, test } from 'vitest';
import type { Rejection } from '../../src/component.ts';
import { PermanentError, RetryableError } from '../../src/errors.ts';
import { OtlpExporter } from '../../src/otlp/exporter.ts';
import type { Signal } from '../../src/pipeline/signals.ts';
import { testSettings } from '../component-suite.ts';
import { LOGS, ROOT_SPAN, TRACES } from './batches.ts';
import { decode } from './protobuf.ts';

const RETRY = { enabled: true, initialMs: 1, multiplier: 1, randomizationFactor: 0, maxMs: 1, maxElapsedMs: 0 };

/** An exporter and what it sends, answered in order. */
function exporter(...outcomes: readonly (Rejection | Error | undefined)[]) {
  const sent: { readonly signal: Signal; readonly request: Uint8Array }[] = [];
  const transport = {
    failure: undefined,
    start: async () => undefined,
    close: async () => undefined,
    inspect: async () => [],
    send: async (signal: Signal, request: Uint8Array) => {
      const outcome = outcomes[sent.length];
      sent.push({ signal, request });
      if (outcome instanceof Error) throw outcome;
      return outcome;
    },
  };
  const options = { encoding: 'proto', intervalMs: 1_000, retry: RETRY } as const;
  return { sent, it: new OtlpExporter(transport, options, testSettings('otlp_http')) };
}

const many = { signal: 'traces', spans: Array.from({ length: 1_200 }, () => ROOT_SPAN) } as const;

function spans({ request }: { readonly request: Uint8Array }): number {
  return JSON.stringify(decode('ExportTraceServiceRequest', request)).split('"spanId"').length - 1;
}

test('spans and log records are sent as one request each, with what the other side says', async () => {
  const { it, sent } = exporter(undefined, { rejected: 1, message: 'too old' });
  expect(await it.export(TRACES, {})).toBeUndefined();
  expect(await it.export(LOGS, {})).toEqual({ rejected: 1, message: 'too old' });
  expect(sent.map(({ signal }) => signal)).toEqual(['traces', 'logs']);
});

test('a large page is sent in several requests, and what they refuse is added up', async () => {
  const { it, sent } = exporter({ rejected: 1, message: 'too old' }, undefined, { rejected: 2, message: 'too new' });
  expect(await it.export(many, {})).toEqual({ rejected: 3, message: 'too old; too new' });
  expect(sent.map(spans)).toEqual([500, 500, 200]);
});

test('no request is longer than gRPC servers and readers of lines take, as long as it holds more than one record', async () => {
  const { it, sent } = exporter();
  const long = 'x'.repeat(3_000);
  const wide = Array.from({ length: 700 }, () => ({ ...ROOT_SPAN, attributes: { a: long } }));
  await it.export({ signal: 'traces', spans: [...wide, { ...ROOT_SPAN, name: long.repeat(500) }] }, {});
  expect(sent.map(spans).reduce((sum, size) => sum + size)).toBe(701);
  expect(sent.filter(({ request }) => request.length > 1_000_000).map(spans)).toEqual([1]);
});

test('of a large page, what is refused for good is lost, and the rest is not', async () => {
  const { it } = exporter(new PermanentError('400'), undefined, undefined);
  expect(await it.export(many, {})).toEqual({ rejected: 500, message: '400' });
});

test('of a large page, what may be taken later comes again, all of it', async () => {
  const { it, sent } = exporter(undefined, new RetryableError('503'));
  await expect(it.export(many, {})).rejects.toBeInstanceOf(RetryableError);
  expect(sent).toHaveLength(2);
});

test('a page that is refused for good as a whole is permanent', async () => {
  await expect(exporter(new PermanentError('400')).it.export(TRACES, {})).rejects.toBeInstanceOf(PermanentError);
});
