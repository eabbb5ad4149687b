import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createExporter } from '../../../exporters/otlp_http/exporter.ts';
import { otlpHttpExporter } from '../../../exporters/otlp_http/factory.ts';
import { HttpTransport } from '../../../exporters/otlp_http/transport.ts';
import type { Settings } from '../../../src/component.ts';
import { PermanentError, RetryableError } from '../../../src/errors.ts';
import { certificate } from '../../http/certificates.ts';
import { componentSuite, filledConfig, testSettings } from '../../component-suite.ts';
import { oneOfEach } from '../../otlp/metrics.ts';
import { decode, encode } from '../../otlp/protobuf.ts';
import { Endpoint, type Reply } from './endpoint.ts';

componentSuite(otlpHttpExporter, { config: { endpoint: 'http://127.0.0.1:4318' } });

const REQUEST = new TextEncoder().encode('a request');
const PROTOBUF = { 'Content-Type': 'application/x-protobuf' };

let folder: string;
let endpoint: Endpoint;
const open: HttpTransport[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'agentcol-'));
  endpoint = await Endpoint.open();
});

afterEach(async () => {
  for (const transport of open.splice(0)) await transport.close();
  await endpoint.close();
  rmSync(folder, { recursive: true });
});

async function transport(
  config: Readonly<Record<string, unknown>> = {},
  settings: Partial<Settings> = {},
): Promise<HttpTransport> {
  const filled = filledConfig(otlpHttpExporter, { endpoint: endpoint.url, ...config });
  const created = new HttpTransport(filled, testSettings('otlp_http', settings));
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

test('metrics arrive, compressed, at the path of their signal', async () => {
  const config = filledConfig(otlpHttpExporter, { endpoint: `${endpoint.url}/otlp/` });
  const exporter = createExporter(config, testSettings('otlp_http'));
  exporter.connect([oneOfEach()]);
  await exporter.start();
  const { path, headers, body } = await endpoint.request(1);
  await exporter.shutdown();
  expect(path).toBe('/otlp/v1/metrics');
  expect(headers).toMatchObject({ 'content-type': 'application/x-protobuf', 'content-encoding': 'gzip' });
  expect(headers['user-agent']).toMatch(/^agentcol\/\d/);
  expect(decode('ExportMetricsServiceRequest', body)).toMatchObject({
    resourceMetrics: [{ scopeMetrics: [{ scope: { name: 'agentcol' } }] }],
  });
  expect(exporter.pushed.failed).toBe(0);
});

test('requests go out as the settings say', async () => {
  const sender = await transport({
    encoding: 'json',
    compression: 'none',
    headers: { 'x-tenant': 'tools' },
    logs_endpoint: `${endpoint.url}/elsewhere`,
  });
  await sender.send('logs', REQUEST);
  await sender.send('traces', REQUEST);
  expect(endpoint.received.map(({ path }) => path)).toEqual(['/elsewhere', '/v1/traces']);
  const { headers, body } = endpoint.received[0]!;
  expect(headers).toMatchObject({ 'content-type': 'application/json', 'x-tenant': 'tools' });
  expect(headers).not.toHaveProperty('content-encoding');
  expect(body.toString()).toBe('a request');
});

test('what the authenticator has to show is shown with each request, as it is then', async () => {
  let token = 'old';
  const sender = await transport(
    { auth: { authenticator: 'bearertokenauth' } },
    { clientAuthenticator: () => ({ credentials: () => `Bearer ${token}` }) },
  );
  await sender.send('traces', REQUEST);
  token = 'new';
  await sender.send('traces', REQUEST);
  expect(endpoint.received.map(({ headers }) => headers.authorization)).toEqual(['Bearer old', 'Bearer new']);
});

describe('an answer', () => {
  async function outcome(reply: Reply | 'reset' | 'hang', config = {}): Promise<unknown> {
    endpoint.replies.push(reply);
    return await (await transport(config, { now: () => Date.UTC(2026, 0, 1) })).send('traces', REQUEST);
  }

  test.each([
    ['nothing', { status: 200 }],
    ['204', { status: 204 }],
    ['an empty message', { headers: PROTOBUF }],
    ['JSON to protobuf', { headers: { 'Content-Type': 'application/json' }, body: '{}' }],
  ])('of %s is an acceptance', async (_title, reply) => {
    expect(await outcome(reply)).toBeUndefined();
  });

  test('may refuse a part', async () => {
    const body = encode('ExportServiceResponse', { partialSuccess: { rejected: 3, errorMessage: 'too old' } });
    expect(await outcome({ headers: PROTOBUF, body })).toEqual({ rejected: 3, message: 'too old' });
  });

  test.each([400, 413, 422, 500])('%d is for good, with what the endpoint says', async (status) => {
    const body = encode('RpcStatus', { code: 3, message: 'bad request' });
    const error = await failureOf(outcome({ status, headers: PROTOBUF, body }));
    expect(error).toBeInstanceOf(PermanentError);
    expect(error.message).toBe(`${endpoint.url}/v1/traces has answered ${status}: bad request`);
  });

  test.each([301, 401, 403, 404, 408, 429, 502, 503, 504])('%d is not', async (status) => {
    const error = await failureOf(outcome({ status, body: 'later', headers: { 'Content-Type': 'text/plain' } }));
    expect(error).toBeInstanceOf(RetryableError);
    expect(error).toMatchObject({ retryAfterMs: undefined });
    expect(error.message).toContain(`has answered ${status}: later`);
  });

  test('is told without the credentials that it repeats', async () => {
    const sender = await transport(
      { headers: { 'x-key': 'a-key-of-mine', 'x-tenant': 'tools' }, auth: { authenticator: 'bearertokenauth' } },
      { clientAuthenticator: () => ({ credentials: () => 'Bearer t0ken-of-mine' }) },
    );
    const errorMessage = 'tools may not show t0ken-of-mine or a-key-of-mine';
    const told = 'tools may not show ************* or *************';
    endpoint.replies.push({ status: 401, headers: { 'Content-Type': 'text/plain' }, body: errorMessage });
    expect((await failureOf(sender.send('logs', REQUEST))).message).toContain(`401: ${told};`);
    const body = encode('ExportServiceResponse', { partialSuccess: { rejected: 3, errorMessage } });
    endpoint.replies.push({ headers: PROTOBUF, body });
    expect(await sender.send('logs', REQUEST)).toEqual({ rejected: 3, message: told });
  });

  test.each([
    ['17', 17_000],
    ['Thu, 01 Jan 2026 00:01:00 GMT', 60_000],
    ['Thu, 01 Jan 2015 00:00:00 GMT', 0],
    ['99999999', 3_600_000],
    ['soon', undefined],
  ])('with Retry-After: %s says when', async (after, retryAfterMs) => {
    const error = await failureOf(outcome({ status: 503, headers: { 'Retry-After': after } }));
    expect(error).toMatchObject({ retryAfterMs });
  });

  test.each([
    ['a page', { headers: { 'Content-Type': 'text/html' }, body: '<html>welcome</html>' }],
    ['garbage', { headers: PROTOBUF, body: '<html>' }],
    ['too much', { headers: PROTOBUF, body: '<'.repeat(1_000_000) }],
    ['no type', { headers: {}, body: 'OK' }],
  ])('of %s is no acceptance', async (_title, reply) => {
    const error = await failureOf(outcome(reply));
    expect(error).toBeInstanceOf(RetryableError);
    expect(error.message).toMatch(/no OTLP/);
    expect(error.message).not.toContain('welcome');
  });

  test('that does not come is waited for no longer than the timeout', async () => {
    const error = await failureOf(outcome('hang', { timeout: '50ms' }));
    expect(error).toBeInstanceOf(RetryableError);
    expect(error.message).toBe(`${endpoint.url}/v1/traces has not answered within 50ms`);
  });

  test('that is cut off is none', async () => {
    expect(await failureOf(outcome('reset'))).toBeInstanceOf(RetryableError);
  });
});

test('an endpoint that is away is one that may come back', async () => {
  const sender = await transport();
  const { port } = endpoint;
  await endpoint.close();
  const error = await failureOf(sender.send('traces', REQUEST));
  expect(error).toBeInstanceOf(RetryableError);
  expect(error.message).toBe(`http://127.0.0.1:${port}/v1/traces: connect ECONNREFUSED 127.0.0.1:${port}`);
  await endpoint.listen(port);
  expect(await sender.send('traces', REQUEST)).toBeUndefined();
});

test('a stop ends what is on its way', async () => {
  endpoint.replies.push('hang');
  const sender = await transport();
  const sending = failureOf(sender.send('traces', REQUEST));
  await endpoint.request(1);
  await sender.close();
  expect((await sending).message).toContain('the exporter is stopping');
});

describe('over TLS', () => {
  const authority = certificate('authority');
  const server = certificate('server', authority);
  const client = certificate('client', authority);

  function file(name: string, text: string): string {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  }

  async function overTls(tls: Readonly<Record<string, unknown>>, options = {}): Promise<Error | undefined> {
    await using secure = await Endpoint.open({ cert: server.cert, key: server.key, ...options });
    const sender = await transport({ endpoint: secure.url, tls });
    const error = await failureOf(sender.send('traces', REQUEST));
    await sender.close();
    return error.message === 'it was accepted' ? undefined : error;
  }

  test('a certificate of ca_file is good, of another authority not, unless nobody looks', async () => {
    const ca_file = file('ca.pem', authority.cert);
    expect(await overTls({ ca_file })).toBeUndefined();
    expect((await overTls({}))?.message).toMatch(/certificate/);
    expect(await overTls({ ca_file: file('other.pem', certificate('other').cert) })).toBeInstanceOf(RetryableError);
    expect(await overTls({ insecure_skip_verify: true })).toBeUndefined();
  });

  test('the name must be that of the certificate', async () => {
    const ca_file = file('ca.pem', authority.cert);
    expect((await overTls({ ca_file, server_name_override: 'elsewhere' }))?.message).toMatch(/altnames|Hostname/);
    expect(await overTls({ ca_file, server_name_override: 'localhost' })).toBeUndefined();
  });

  test('a client shows its certificate', async () => {
    const ca_file = file('ca.pem', authority.cert);
    const mutual = { ca: authority.cert, requestCert: true, rejectUnauthorized: true };
    const own = { cert_file: file('cert.pem', client.cert), key_file: file('key.pem', client.key) };
    expect(await overTls({ ca_file, ...own }, mutual)).toBeUndefined();
    expect(await overTls({ ca_file }, mutual)).toBeInstanceOf(RetryableError);
  });

  test('files that are none are errors of the configuration, at their setting', async () => {
    const inspected = async (tls: Readonly<Record<string, unknown>>) => {
      const filled = filledConfig(otlpHttpExporter, { endpoint: 'https://127.0.0.1', tls });
      return await new HttpTransport(filled, testSettings('otlp_http')).inspect();
    };
    expect(await inspected({ ca_file: join(folder, 'none') })).toMatchObject([
      { path: ['tls', 'ca_file'], severity: 'error' },
    ]);
    expect(await inspected({ ca_file: file('ca.pem', 'x') })).toMatchObject([{ path: ['tls', 'ca_file'] }]);
    const pair = { cert_file: file('cert.pem', client.cert), key_file: file('key.pem', server.key) };
    expect(await inspected(pair)).toMatchObject([{ path: ['tls', 'key_file'] }]);
    expect(await inspected({ insecure_skip_verify: true })).toMatchObject([{ severity: 'warning' }]);
  });
});

describe('the configuration', () => {
  async function problems(config: Readonly<Record<string, unknown>>): Promise<readonly string[]> {
    const filled = filledConfig(otlpHttpExporter, { endpoint: 'http://127.0.0.1', ...config });
    const found = (await otlpHttpExporter.check?.(filled)) ?? [];
    return found.map(({ path, message }) => `${path.join('::')}: ${message}`);
  }

  test.each([
    [{ endpoint: '127.0.0.1:4318' }, /^endpoint: is no URL; write http/],
    [{ traces_endpoint: 'ftp://x' }, /^traces_endpoint: is no URL/],
    [{ endpoint: 'http://me:secret@host' }, /^endpoint: holds a name or password/],
    [{ endpoint: 'http://host/?key=secret' }, /^endpoint: has more than a path/],
    [{ tls: { cert_file: '/c' } }, /^tls::cert_file: is of no use without key_file/],
    [{ headers: { Host: 'x' } }, /^headers::Host: is set by the request itself/],
    [{ headers: { 'x y': 'x' } }, /^headers::x y: is no name and value of an HTTP header$/],
    [{ headers: { x: 'a\nsecret' } }, /^headers::x: is no name and value of an HTTP header$/],
    [{ headers: { Authorization: 'x' }, auth: { authenticator: 'a' } }, /^headers::Authorization: is set by auth/],
    [{ temporality: 'delta' }, /^temporality: delta is not offered: .*cumulativetodelta/],
  ])('%j is refused, with the reason and without secrets', async (config, message) => {
    const found = await problems(config);
    expect(found).toEqual([expect.stringMatching(message)]);
    expect(found.join()).not.toContain('secret');
  });

  test('is warned about where it sends in the clear to another machine', async () => {
    const remarks = async (endpoint: string) => {
      const filled = filledConfig(otlpHttpExporter, { endpoint });
      return (await new HttpTransport(filled, testSettings('otlp_http')).inspect()).map(({ message }) => message);
    };
    expect(await remarks('http://collector.example.org:4318')).toEqual([
      'everything goes to collector.example.org in the clear, what auth shows included; write https://',
    ]);
    expect(await remarks('http://[::1]:4318')).toEqual([]);
    expect(await remarks('https://collector.example.org')).toEqual([]);
  });
});
