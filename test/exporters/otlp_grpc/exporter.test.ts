import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Metadata, ServerCredentials, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createExporter } from '../../../exporters/otlp_grpc/exporter.ts';
import { otlpGrpcExporter } from '../../../exporters/otlp_grpc/factory.ts';
import { targetOf } from '../../../exporters/otlp_grpc/target.ts';
import { GrpcTransport } from '../../../exporters/otlp_grpc/transport.ts';
import type { Settings } from '../../../src/component.ts';
import { PermanentError, RetryableError } from '../../../src/errors.ts';
import { componentSuite, filledConfig, testSettings } from '../../component-suite.ts';
import { certificate } from '../../http/certificates.ts';
import { oneOfEach } from '../../otlp/metrics.ts';
import { decode, encode } from '../../otlp/protobuf.ts';
import { GrpcEndpoint, type Reply } from './endpoint.ts';

componentSuite(otlpGrpcExporter, { config: { endpoint: '127.0.0.1:4317' } });

const REQUEST = new TextEncoder().encode('a request');

let folder: string;
let endpoint: GrpcEndpoint;
const open: GrpcTransport[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'agentcol-'));
  endpoint = await GrpcEndpoint.open();
});

afterEach(async () => {
  for (const transport of open.splice(0)) await transport.close();
  endpoint.close();
  rmSync(folder, { recursive: true });
});

async function transport(
  config: Readonly<Record<string, unknown>> = {},
  settings: Partial<Settings> = {},
): Promise<GrpcTransport> {
  const filled = filledConfig(otlpGrpcExporter, { endpoint: `http://${endpoint.address}`, ...config });
  const created = new GrpcTransport(filled, testSettings('otlp_grpc', settings));
  open.push(created);
  await created.start();
  return created;
}

async function failureOf(sending: Promise<unknown>): Promise<Error> {
  const error = await sending.then(
    () => new Error('it was accepted'),
    (reason: unknown) => reason,
  );
  return error instanceof Error ? error : new Error(String(error));
}

test('metrics arrive at their service', async () => {
  const config = filledConfig(otlpGrpcExporter, { endpoint: endpoint.address, tls: { insecure: true } });
  const exporter = createExporter(config, testSettings('otlp_grpc'));
  exporter.connect([oneOfEach()]);
  await exporter.start();
  const { method, metadata, body } = await endpoint.call(1);
  await exporter.shutdown();
  expect(method).toBe('/opentelemetry.proto.collector.metrics.v1.MetricsService/Export');
  expect(metadata.get('user-agent')).toEqual([expect.stringMatching(/^agentcol\/\d/)]);
  expect(decode('ExportMetricsServiceRequest', body)).toMatchObject({
    resourceMetrics: [{ scopeMetrics: [{ scope: { name: 'agentcol' } }] }],
  });
});

test('calls go out as the settings say, with what the authenticator has to show', async () => {
  let token = 'old';
  const sender = await transport(
    { headers: { 'X-Tenant': 'tools' }, compression: 'none', auth: { authenticator: 'bearertokenauth' } },
    { clientAuthenticator: () => ({ credentials: () => `Bearer ${token}` }) },
  );
  await sender.send('logs', REQUEST);
  token = 'new';
  await sender.send('traces', REQUEST);
  expect(endpoint.received.map(({ method }) => method.split('.').at(-1))).toEqual([
    'LogsService/Export',
    'TraceService/Export',
  ]);
  expect(endpoint.received.map(({ metadata }) => metadata.get('authorization'))).toEqual([
    ['Bearer old'],
    ['Bearer new'],
  ]);
  expect(endpoint.received[0]!.metadata.get('x-tenant')).toEqual(['tools']);
  expect(endpoint.received[0]!.body.toString()).toBe('a request');
});

describe('an answer', () => {
  async function outcome(reply: Reply | 'hang', config = {}): Promise<unknown> {
    endpoint.replies.push(reply);
    return await (await transport(config)).send('traces', REQUEST);
  }

  test('is told without the credentials that it repeats', async () => {
    const details = 'not with t0ken-of-mine';
    const config = { headers: { authorization: 'Bearer t0ken-of-mine' } };
    const error = await failureOf(outcome({ code: status.UNAUTHENTICATED, details }, config));
    expect(error.message).toContain('UNAUTHENTICATED: not with *************;');
    const body = encode('ExportServiceResponse', { partialSuccess: { rejected: 3, errorMessage: details } });
    expect(await outcome({ body }, config)).toEqual({ rejected: 3, message: 'not with *************' });
  });

  test('of an empty message is an acceptance, and may refuse a part', async () => {
    expect(await outcome({})).toBeUndefined();
    const body = encode('ExportServiceResponse', { partialSuccess: { rejected: 3, errorMessage: 'too old' } });
    expect(await outcome({ body })).toEqual({ rejected: 3, message: 'too old' });
    expect(await failureOf(outcome({ body: Buffer.from('<html>') }))).toBeInstanceOf(RetryableError);
  });

  test.each(['INVALID_ARGUMENT', 'INTERNAL', 'UNKNOWN', 'RESOURCE_EXHAUSTED'] as const)(
    '%s is for good',
    async (code) => {
      const error = await failureOf(outcome({ code: status[code], details: 'bad request' }));
      expect(error).toBeInstanceOf(PermanentError);
      expect(error.message).toBe(`http://${endpoint.address}: ${code}: bad request`);
    },
  );

  test.each([
    'UNAVAILABLE',
    'ABORTED',
    'OUT_OF_RANGE',
    'DATA_LOSS',
    'UNAUTHENTICATED',
    'PERMISSION_DENIED',
    'UNIMPLEMENTED',
  ] as const)('%s is not', async (code) => {
    const error = await failureOf(outcome({ code: status[code], details: 'later' }));
    expect(error).toBeInstanceOf(RetryableError);
    expect(error).toMatchObject({ retryAfterMs: undefined });
    expect(error.message).toContain(`: ${code}: later`);
  });

  test('with RetryInfo says when, also that something is exhausted for now only', async () => {
    const value = encode('RetryInfo', { retryDelay: { seconds: 17, nanos: 500_000_000 } });
    const details = [{ typeUrl: 'type.googleapis.com/google.rpc.RetryInfo', value }];
    const metadata = new Metadata();
    metadata.set('grpc-status-details-bin', Buffer.from(encode('RpcStatus', { code: 8, details })));
    const error = await failureOf(outcome({ code: status.RESOURCE_EXHAUSTED, details: 'busy', metadata }));
    expect(error).toBeInstanceOf(RetryableError);
    expect(error).toMatchObject({ retryAfterMs: 17_500 });
  });

  test('that does not come is waited for no longer than the timeout', async () => {
    const error = await failureOf(outcome('hang', { timeout: '100ms' }));
    expect(error).toBeInstanceOf(RetryableError);
    expect(error.message).toBe(`http://${endpoint.address} has not answered within 100ms`);
  });
});

test('an endpoint that is away is one that may come back, and says the same each time', async () => {
  const sender = await transport();
  endpoint.close();
  const errors = [await failureOf(sender.send('traces', REQUEST)), await failureOf(sender.send('traces', REQUEST))];
  expect(errors[0]).toBeInstanceOf(RetryableError);
  expect(errors[0]!.message).toMatch(/UNAVAILABLE: .*ECONNREFUSED/);
  expect(errors[1]!.message).toBe(errors[0]!.message);
  await endpoint.listen();
  await expect
    .poll(async () => await sender.send('traces', REQUEST).catch(() => 'away'), { timeout: 15_000 })
    .toBeUndefined();
});

test('a stop ends what is on its way', async () => {
  endpoint.replies.push('hang');
  const sender = await transport();
  const sending = failureOf(sender.send('traces', REQUEST));
  await endpoint.call(1);
  await sender.close();
  expect(await sending).toBeInstanceOf(RetryableError);
});

describe('over TLS', () => {
  const authority = certificate('authority');
  const server = certificate('server', authority);
  const client = certificate('client', authority);

  function file(name: string, text: string): string {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  }

  async function overTls(tls: Readonly<Record<string, unknown>>, mutual = false): Promise<Error | undefined> {
    const pair = { private_key: Buffer.from(server.key), cert_chain: Buffer.from(server.cert) };
    const secure = await GrpcEndpoint.open(ServerCredentials.createSsl(Buffer.from(authority.cert), [pair], mutual));
    const sender = await transport({ endpoint: secure.address, tls, timeout: '5s' });
    const error = await failureOf(sender.send('traces', REQUEST));
    await sender.close();
    secure.close();
    return error.message === 'it was accepted' ? undefined : error;
  }

  test('a certificate of ca_file is good, of another authority not, unless nobody looks', async () => {
    const ca_file = file('ca.pem', authority.cert);
    expect(await overTls({ ca_file })).toBeUndefined();
    expect((await overTls({}))?.message).toMatch(/certificate/);
    expect(await overTls({ insecure_skip_verify: true })).toBeUndefined();
    expect(await overTls({ ca_file, server_name_override: 'elsewhere' })).toBeInstanceOf(RetryableError);
    expect(await overTls({ ca_file, server_name_override: 'localhost' })).toBeUndefined();
  });

  test('a client shows its certificate', async () => {
    const ca_file = file('ca.pem', authority.cert);
    const own = { cert_file: file('cert.pem', client.cert), key_file: file('key.pem', client.key) };
    expect(await overTls({ ca_file, ...own }, true)).toBeUndefined();
    expect(await overTls({ ca_file }, true)).toBeInstanceOf(RetryableError);
  });

  test('an endpoint that speaks none is told by its remedy', async () => {
    const sender = await transport({ endpoint: endpoint.address, timeout: '5s' });
    expect((await failureOf(sender.send('traces', REQUEST))).message).toMatch(
      /; where it speaks no TLS, set tls::insecure$/,
    );
  });
});

describe('the configuration', () => {
  test.each([
    ['127.0.0.1:4317', {}, { name: 'dns:127.0.0.1:4317', host: '127.0.0.1', insecure: false }],
    ['127.0.0.1:4317', { insecure: true }, { name: 'dns:127.0.0.1:4317', host: '127.0.0.1', insecure: true }],
    ['http://[::1]:4317/', {}, { name: 'dns:[::1]:4317', host: '::1', insecure: true }],
    ['https://host:4317', {}, { name: 'dns:host:4317', host: 'host', insecure: false }],
    ['unix:/run/x.sock', {}, { name: 'unix:/run/x.sock', host: undefined, insecure: true }],
  ])('%s with tls %j leads to %j', (endpoint, tls, target) => {
    expect(targetOf(filledConfig(otlpGrpcExporter, { endpoint, tls }))).toEqual(target);
  });

  test.each([
    [{ endpoint: 'host' }, /^endpoint: is no endpoint; write host:port/],
    [{ endpoint: 'https://host:1', tls: { insecure: true } }, /^tls::insecure: endpoint begins with https/],
    [{ endpoint: 'host:1', tls: { key_file: '/k' } }, /^tls::key_file: is of no use without cert_file/],
    [{ endpoint: 'host:1', headers: { 'grpc-timeout': '1S' } }, /^headers::grpc-timeout: is set by the request itself/],
  ])('%j is refused, with the reason', async (config, message) => {
    const found = (await otlpGrpcExporter.check?.(filledConfig(otlpGrpcExporter, config))) ?? [];
    expect(found.map((problem) => `${problem.path.join('::')}: ${problem.message}`)).toEqual([
      expect.stringMatching(message),
    ]);
  });

  test('is warned about where it sends in the clear to another machine', async () => {
    const remarks = async (endpoint: string) => {
      const filled = filledConfig(otlpGrpcExporter, { endpoint });
      return (await new GrpcTransport(filled, testSettings('otlp_grpc')).inspect()).length;
    };
    expect(await remarks('http://collector.example.org:4317')).toBe(1);
    expect(await remarks('collector.example.org:4317')).toBe(0);
    expect(await remarks('unix:/run/x.sock')).toBe(0);
  });
});
