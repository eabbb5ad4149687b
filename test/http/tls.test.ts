import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request, type Agent, type RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { TlsConfig } from '../../src/config/fragments.ts';
import { ConfigError } from '../../src/errors.ts';
import { urlOf } from '../../src/http/address.ts';
import { createListener, type Listener } from '../../src/http/listener.ts';
import { testSettings } from '../component-suite.ts';
import { recorder } from '../pipeline/ledger.ts';
import { certificate, type Certificate } from './certificates.ts';

const old = certificate('old');
const renewed = certificate('renewed');
const authority = certificate('clients');

let folder: string;
let log = recorder();
const open: Listener[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'agentcol-'));
  log = recorder();
  put(old);
});

afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(open.splice(0).map((listener) => listener.shutdown()));
  rmSync(folder, { recursive: true });
});

function put({ cert, key }: Pick<Certificate, 'cert' | 'key'>): void {
  write('cert.pem', cert);
  write('key.pem', key);
}

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function listener(settings: Partial<TlsConfig> = {}): Listener {
  const tls: TlsConfig = {
    cert_file: join(folder, 'cert.pem'),
    key_file: join(folder, 'key.pem'),
    min_version: '1.2',
    max_version: '1.3',
    reload_interval: '10ms',
    ...settings,
  };
  const created = createListener({
    server: { endpoint: '127.0.0.1:0', allow_insecure_bind: false, allowed_hosts: [], tls },
    settings: testSettings('test', { logger: log, now: Date.now }),
    routes: { '/hello': { GET: () => ({ status: 200, body: 'hello\n' }) } },
  });
  open.push(created);
  return created;
}

async function started(settings: Partial<TlsConfig> = {}): Promise<Listener> {
  const created = listener(settings);
  await created.start();
  return created;
}

/** Resolves to the status, the body, and the name of the certificate that was shown. */
function ask(to: Listener, options: RequestOptions = {}): Promise<readonly [number, string, string]> {
  const url = new URL(urlOf(to, '/hello'));
  const agent: Agent | false = false;
  return new Promise((resolve, reject) => {
    const asked = request(url, { rejectUnauthorized: false, agent, ...options }, (response) => {
      const { socket } = response;
      const name = socket instanceof TLSSocket ? String(socket.getPeerCertificate().subject.CN) : 'none';
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => resolve([response.statusCode ?? 0, body, name]));
      response.on('error', reject);
    });
    asked.on('error', reject);
    asked.end();
  });
}

test('serves HTTPS, and says so in its address', async () => {
  const server = await started();
  expect(urlOf(server, '/hello')).toMatch(/^https:\/\/127\.0\.0\.1:\d+\/hello$/);
  expect(await ask(server, { rejectUnauthorized: true, ca: old.cert })).toEqual([200, 'hello\n', 'old']);
});

describe('a handshake', () => {
  const shake = (to: Listener, options: object): Promise<string> =>
    new Promise((resolve) => {
      const { hostname, port } = new URL(urlOf(to, '/'));
      const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false, ...options });
      socket.once('secureConnect', () => {
        resolve(`${String(socket.getProtocol())} ${String(socket.alpnProtocol)}`);
        socket.destroy();
      });
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    });

  test('agrees on HTTP/1.1 and the newest version', async () => {
    expect(await shake(await started(), { ALPNProtocols: ['h2', 'http/1.1'] })).toBe('TLSv1.3 http/1.1');
  });

  test('is refused below the lowest version and above the highest', async () => {
    const weak = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' };
    expect(await shake(await started(), weak)).toMatch(/ALERT|ERR_SSL|ECONNRESET/);
    expect(await shake(await started({ min_version: '1.3' }), { maxVersion: 'TLSv1.2' })).toMatch(/ALERT|ERR_SSL/);
    expect(await shake(await started({ max_version: '1.2' }), {})).toMatch(/^TLSv1\.2 /);
  });

  test('that never comes, or is none, leaves the others alone and does not hold up a shutdown', async () => {
    const server = await started();
    expect(await fetch(urlOf(server, '/hello').replace('https', 'http')).catch(() => 'refused')).toBe('refused');
    expect((await ask(server))[0]).toBe(200);
  });
});

describe('a client certificate', () => {
  const client = certificate('prometheus', authority);
  const stranger = certificate('stranger', certificate('elsewhere'));

  test('of the authority gets in, and nobody else does', async () => {
    const server = await started({ client_ca_file: write('ca.pem', authority.cert) });
    expect((await ask(server, { cert: client.cert, key: client.key }))[0]).toBe(200);
    await expect(ask(server)).rejects.toThrow();
    await expect(ask(server, { cert: stranger.cert, key: stranger.key })).rejects.toThrow();
  });

  test('is asked of those who come after the authority was exchanged', async () => {
    const ca = write('ca.pem', authority.cert);
    const server = await started({ client_ca_file: ca });
    const other = certificate('another authority');
    write('ca.pem', other.cert);
    await vi.waitFor(() => expect(ask(server, { cert: client.cert, key: client.key })).rejects.toThrow());
    const theirs = certificate('theirs', other);
    expect((await ask(server, { cert: theirs.cert, key: theirs.key }))[0]).toBe(200);
  });
});

describe('files that change', () => {
  test('are taken over', async () => {
    const server = await started();
    put(renewed);
    await vi.waitFor(async () => expect((await ask(server))[2]).toBe('renewed'));
    expect(log.lines).toContain('info tls: the files have changed and were read again');
    expect(server.failure).toBeUndefined();
  });

  test('and are not good leave those of before, and say so until they are', async () => {
    const server = await started();
    write('cert.pem', renewed.cert);
    await vi.waitFor(() => expect(server.failure?.reason).toBe('not_reloaded'));
    expect(server.failure?.message).toContain('is not the key of the certificate');
    expect((await ask(server))[2]).toBe('old');
    rmSync(join(folder, 'key.pem'));
    await vi.waitFor(() => expect(server.failure?.message).toContain('there is no such file'));
    write('key.pem', renewed.key);
    await vi.waitFor(() => expect(server.failure).toBeUndefined());
    expect((await ask(server))[2]).toBe('renewed');
    expect(log.lines.join('\n')).not.toContain('BEGIN');
  });
});

describe('at the start, and for validate', () => {
  const encrypted = (): string =>
    old.privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }).toString();

  test.each([
    [
      'a missing file',
      { cert_file: '/nowhere/cert.pem' },
      'cert_file',
      'read /nowhere/cert.pem: there is no such file',
    ],
    ['no certificate', () => ({ cert_file: write('a', 'secret') }), 'cert_file', 'no certificate in PEM in'],
    ['no key', () => ({ key_file: write('a', 'secret') }), 'key_file', 'no private key in PEM'],
    ['a key with a passphrase', () => ({ key_file: write('a', encrypted()) }), 'key_file', 'without a passphrase'],
    ['the key of another', () => ({ key_file: write('a', renewed.key) }), 'key_file', 'is not the key of'],
    ['no authority', () => ({ client_ca_file: write('a', 'secret') }), 'client_ca_file', 'no certificate in PEM'],
    [
      'a broken authority',
      () => ({ client_ca_file: write('a', old.cert.replaceAll('A', 'B')) }),
      'client_ca_file',
      'no certificate in PEM',
    ],
  ])('%s is refused, and told without its contents', async (_, settings, setting, message) => {
    const server = listener(typeof settings === 'function' ? settings() : settings);
    const error: unknown = await server.start().catch((reason: unknown) => reason);
    if (!(error instanceof ConfigError)) throw new Error(String(error));
    expect(error.problems[0]?.path).toEqual(['tls', setting]);
    expect(error.message).toContain(message);
    expect(error.message).not.toContain('secret');
    expect(await server.inspect()).toEqual(error.problems.map((problem) => ({ ...problem, severity: 'error' })));
  });

  test('good ones are no problem', async () => {
    expect(await listener().inspect()).toEqual([]);
  });
});
