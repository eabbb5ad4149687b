import { spawn } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ConfigError } from '../../src/errors.ts';
import { createListener, type Limits, type Listener, type Reply, type Routes } from '../../src/http/listener.ts';
import { testSettings } from '../component-suite.ts';

const routes: Routes = {
  '/hello': { GET: () => ({ status: 200, body: 'hello\n' }) },
  '/both': {
    GET: () => ({ status: 200, headers: { 'Content-Type': 'text/x' }, body: [Buffer.from('a'), Buffer.from('b')] }),
    POST: async (request) => {
      let text = '';
      for await (const chunk of request) text += String(chunk);
      return { status: 200, body: text };
    },
  },
  '/broken': {
    GET: () => {
      throw new Error('secret /home/me/file');
    },
  },
};

const open: Listener[] = [];
const sockets: Socket[] = [];
let log: string[];
let folder: string;

beforeEach(() => {
  log = [];
  folder = mkdtempSync(join(tmpdir(), 'agentcol-'));
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(open.splice(0).map((listener) => listener.shutdown()));
  rmSync(folder, { recursive: true });
});

function listener(endpoint: string, limits: Partial<Limits> = {}, more: Routes = {}): Listener {
  const note = (message: string) => void log.push(message);
  const created = createListener({
    server: { endpoint, allow_insecure_bind: false, allowed_hosts: [] },
    settings: testSettings('test', { logger: { debug: note, info: note, warn: note, error: note } }),
    routes: { ...routes, ...more },
    limits,
  });
  open.push(created);
  return created;
}

async function started(limits: Partial<Limits> = {}, more: Routes = {}): Promise<Listener> {
  const created = listener('127.0.0.1:0', limits, more);
  await created.start();
  return created;
}

async function dial(to: Listener): Promise<Socket> {
  const url = new URL(`http://${to.address ?? ''}`);
  const socket = connect(Number(url.port), url.hostname.replace(/^\[|\]$/g, ''));
  sockets.push(socket);
  socket.on('error', () => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** Everything that arrives until the other side closes. */
async function allOf(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  if (!socket.closed) await once(socket, 'close');
  return text;
}

async function send(to: Listener, text: string): Promise<string> {
  const socket = await dial(to);
  socket.write(text);
  return await allOf(socket);
}

const HELLO = 'GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n';
const closing = (line: string, more = '') => `${line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${more}\r\n`;

describe('routes', () => {
  test('answers GET, and HEAD without the body', async () => {
    const server = await started();
    const got = await send(server, closing('GET /hello?x=1'));
    expect(got).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(got).toMatch(/content-type: text\/plain; charset=utf-8\r\n/i);
    expect(got).toMatch(/x-content-type-options: nosniff\r\n/i);
    expect(got).toMatch(/cache-control: no-store\r\n/i);
    expect(got).toMatch(/\r\n\r\nhello\n$/);
    const head = await send(server, closing('HEAD /hello'));
    expect(head).toMatch(/content-length: 6\r\n/i);
    expect(head).toMatch(/\r\n\r\n$/);
  });

  test('sends the pieces of a body one after the other', async () => {
    const server = await started();
    expect(await send(server, closing('GET /both'))).toMatch(
      /content-type: text\/x\r\n.*content-length: 2\r\n.*\r\n\r\nab$/is,
    );
  });

  test('tells when the body is no longer needed', async () => {
    let finish = (): void => {};
    const finished = new Promise<void>((resolve) => (finish = resolve));
    const server = await started({}, { '/done': { GET: () => ({ status: 200, body: 'x', done: finish }) } });
    expect(await send(server, closing('GET /done'))).toMatch(/x$/);
    await finished;
  });

  test('lets a route read what is posted', async () => {
    const server = await started();
    expect(await send(server, closing('POST /both', 'Content-Length: 5\r\n') + 'abcde')).toMatch(/\r\n\r\nabcde$/);
  });

  test.each([
    ['GET /', 404, undefined],
    ['GET /hello/', 404, undefined],
    ['GET /HELLO', 404, undefined],
    ['GET /__proto__', 404, undefined],
    ['GET //hello', 404, undefined],
    ['POST /hello', 405, 'GET, HEAD'],
    ['OPTIONS /hello', 405, 'GET, HEAD'],
    ['TRACE /hello', 405, 'GET, HEAD'],
    ['DELETE /both', 405, 'GET, HEAD, POST'],
  ])('%s is %d', async (line, status, allow) => {
    const answer = await send(await started(), closing(line));
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    if (allow !== undefined) expect(answer).toContain(`\r\nAllow: ${allow}\r\n`);
  });

  test('says nothing about itself: no X-Powered-By, no stack, no path', async () => {
    const server = await started();
    const answer = await send(server, closing('GET /broken'));
    expect(answer).toMatch(/^HTTP\/1\.1 500 /);
    expect(answer).toMatch(/\r\n\r\ninternal error\n$/);
    expect(answer).not.toMatch(/powered|server:|secret|home/i);
    expect(log).toEqual(['answer GET request: secret /home/me/file']);
  });

  test('survives a client that left before its reply was ready', async () => {
    const slow = slowRoute();
    const server = await started({}, slow.routes);
    const socket = await dial(server);
    socket.write('GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await slow.asked;
    socket.destroy();
    await slow.left;
    slow.answer('too late');
    await slow.done;
    expect(await send(server, closing('GET /hello'))).toMatch(/hello\n$/);
  });
});

/** A route that answers when the test says so. */
function slowRoute() {
  let answer: (reply: Reply) => void = () => {};
  let hear: (request: IncomingMessage) => void = () => {};
  const reply = new Promise<Reply>((resolve) => (answer = resolve));
  const asked = new Promise<IncomingMessage>((resolve) => (hear = resolve));
  let finish: () => void = () => {};
  const done = new Promise<void>((resolve) => (finish = resolve));
  return {
    done,
    asked,
    /** The client is gone, and the server knows. */
    left: asked.then(async (request) => {
      await once(request.socket, 'close');
    }),
    answer: (body: string) => answer({ status: 200, body, done: finish }),
    routes: {
      '/slow': {
        GET: (request: IncomingMessage) => {
          hear(request);
          return reply;
        },
      },
    },
  };
}

describe('connections', () => {
  test('are kept for further requests', async () => {
    const socket = await dial(await started());
    socket.write('GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(socket, 'data');
    socket.write(closing('GET /hello'));
    expect(await allOf(socket)).toMatch(/200 OK[\s\S]*hello\n$/);
  });

  test('end after the largest number of requests', async () => {
    const socket = await dial(await started({ maxRequestsPerSocket: 2 }));
    socket.write(HELLO);
    const [first] = (await once(socket, 'data')) as [Buffer];
    expect(first.toString()).toMatch(/^connection: keep-alive/im);
    socket.write(HELLO);
    expect(await allOf(socket)).toMatch(/^connection: close/im);
  });

  test.each([
    ['requests', HELLO],
    ['requests without a host', 'GET /hello HTTP/1.1\r\n\r\n'],
    ['requests of HTTP/1.0', 'GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n'],
    ['requests that expect what there is not', HELLO.replace('\r\n\r\n', '\r\nExpect: x\r\n\r\n')],
    ['requests that expect 100-continue', HELLO.replace('\r\n\r\n', '\r\nExpect: 100-continue\r\n\r\n')],
    ['requests for another protocol', HELLO.replace('\r\n\r\n', '\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n')],
  ])('end with the first of 5 000 %s at once, and no more are parsed', async (_, request) => {
    let asked = 0;
    const hello = { GET: () => ({ status: 200, body: String((asked += 1)) }) };
    let parsed = 0;
    const count = (): void => void (parsed += 1);
    subscribe('http.server.request.start', count);
    const socket = await dial(await started({}, { '/hello': hello }));
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.write(request.repeat(5_000));
    // What is left unread of it may make a reset of the end, which overtakes the answer.
    await new Promise<void>((resolve) => void socket.once('close', () => resolve()));
    unsubscribe('http.server.request.start', count);
    expect(answer.match(/^HTTP\/1\.1 [2-5]/gm)?.length ?? 0).toBeLessThanOrEqual(1);
    expect(asked).toBeLessThanOrEqual(1);
    expect(parsed).toBe(1);
  });

  test('end with an answer that was under way when the next request came', async () => {
    const slow = slowRoute();
    const socket = await dial(await started({}, slow.routes));
    socket.write('GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const { socket: theirs } = await slow.asked;
    const before = theirs.bytesRead;
    socket.write(HELLO);
    await vi.waitFor(() => expect(theirs.bytesRead).toBe(before + HELLO.length), { timeout: 10_000 });
    const all = allOf(socket);
    slow.answer('done');
    expect((await all).match(/^HTTP.*|^connection: [a-z-]+|done/gim)).toEqual([
      'HTTP/1.1 200 OK',
      'Connection: close',
      'done',
    ]);
  });

  test('that asked again too early and read nothing are let go, and so are those that were reset', async () => {
    const large = { status: 200, body: [Buffer.alloc(50_000_000)] };
    const server = await started({ idleTimeoutMs: 100, shutdownTimeoutMs: 60_000 }, { '/large': { GET: () => large } });
    const [silent, reset] = [await dial(server), await dial(server)];
    for (const socket of [silent, reset]) {
      socket.pause();
      const begun = new Promise<void>((resolve) => void socket.once('readable', resolve).once('close', resolve));
      socket.write('GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(2));
      await begun;
    }
    reset.resetAndDestroy();
    // Waits for both, and longer than this test may take, unless they are gone.
    await server.shutdown();
  });

  test('beyond the limit close those for which nothing was done for longest', async () => {
    const server = await started({ maxConnections: 2 });
    const [kept, silent] = [await dial(server), await dial(server)];
    kept.write('GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(kept, 'data');
    const late = await dial(server);
    expect(await allOf(silent)).toBe('');
    late.write(closing('GET /hello'));
    expect(await allOf(late)).toMatch(/hello\n$/);
    kept.write(closing('GET /hello'));
    expect(await allOf(kept)).toMatch(/hello\n$/);
  });

  test('beyond the limit close those with an answer under way last', async () => {
    const slow = slowRoute();
    const server = await started({ maxConnections: 1 }, slow.routes);
    const busy = await dial(server);
    busy.write(closing('GET /slow'));
    await slow.asked;
    expect(await allOf(await dial(server))).toBe('');
    slow.answer('done');
    expect(await allOf(busy)).toMatch(/done$/);
  });

  test('beyond the limit close those that wait between two requests, when all have asked', async () => {
    const server = await started({ maxConnections: 1 });
    const [first, second] = [await dial(server), await dial(server)];
    first.write('GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n');
    second.write('GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect(await Promise.race([allOf(first), allOf(second)])).toMatch(/hello\n$/);
  });

  test('that are silent by the hundred do not keep one out that asks', async () => {
    const server = await started({ maxConnections: 8 });
    const silent = await Promise.all(Array.from({ length: 200 }, () => dial(server)));
    expect(await send(server, closing('GET /hello'))).toMatch(/hello\n$/);
    await Promise.all(silent.slice(0, 190).map(allOf));
  });

  test('without a request are closed', async () => {
    const socket = await dial(await started({ keepAliveTimeoutMs: 50 }));
    socket.write('GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect(await allOf(socket)).toMatch(/hello\n$/);
  });

  test('are not kept for a body that nobody read', async () => {
    const answer = await send(
      await started(),
      'GET /hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc',
    );
    expect(answer).toMatch(/connection: close\r\n/i);
    expect(answer).toMatch(/hello\n$/);
  });
});

describe('limits', () => {
  test.each([
    ['nonsense', 'hello\r\n\r\n'],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['no Host', 'GET /hello HTTP/1.1\r\n\r\n'],
    ['a bare carriage return in a header', 'GET /hello HTTP/1.1\r\nHost: localhost\rX: y\r\n\r\n'],
    [
      'both lengths (request smuggling)',
      'GET /hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
  ])('a malformed request (%s) is answered by 400, and the connection is closed', async (_, text) => {
    const answer = await send(await started(), text);
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(answer).toMatch(/connection: close\r\n/i);
  });

  test('headers that are too large are answered by 431', async () => {
    const server = await started();
    const header = `X-Large: ${'x'.repeat(9_000)}\r\n`;
    expect(await send(server, closing('GET /hello', header))).toMatch(/^HTTP\/1\.1 431 /);
  });

  test('too many headers are answered by 431', async () => {
    const server = await started({ maxHeaders: 10 });
    const headers = (count: number) => Array.from({ length: count }, (_, index) => `X-${index}: y\r\n`).join('');
    expect(await send(server, closing('GET /hello', headers(8)))).toMatch(/^HTTP\/1\.1 200 /);
    expect(await send(server, closing('GET /hello', headers(9)))).toMatch(/^HTTP\/1\.1 431 /);
    expect(await send(server, closing('GET /hello', headers(99)))).toMatch(/^HTTP\/1\.1 431 /);
  });

  test.each([
    ['that sends nothing', ''],
    ['that never ends its headers', 'GET /hello HTTP/1.1\r\nHost: localhost\r\nX-Slow: '],
  ])('a connection %s is closed after the time for headers', async (_, text) => {
    const socket = await dial(await started({ headersTimeoutMs: 100 }));
    socket.write(text);
    expect(await allOf(socket)).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('a body that never ends is cut off after the time for requests', async () => {
    const server = await started({ headersTimeoutMs: 50, requestTimeoutMs: 100 });
    const socket = await dial(server);
    socket.write('POST /both HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nabc');
    expect(await allOf(socket)).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('a client that does not read its reply is let go', async () => {
    const large = { status: 200, body: [Buffer.alloc(50_000_000)] };
    // Shutdown waits for it, and longer than this test may take, unless it is gone.
    const server = await started({ idleTimeoutMs: 100, shutdownTimeoutMs: 60_000 }, { '/large': { GET: () => large } });
    const socket = await dial(server);
    socket.pause();
    socket.write('GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(socket, 'readable');
    await server.shutdown();
  });
});

describe('shutdown', () => {
  test('closes idle connections at once, and lets replies under way end', async () => {
    const slow = slowRoute();
    const server = await started({}, slow.routes);
    const [idle, busy] = [await dial(server), await dial(server)];
    idle.write('GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n');
    busy.write('GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await Promise.all([once(idle, 'data'), slow.asked]);
    const stopped = server.shutdown();
    await allOf(idle);
    slow.answer('done');
    const answer = await allOf(busy);
    expect(answer).toMatch(/connection: close\r\n/i);
    expect(answer).toMatch(/done$/);
    await stopped;
    expect(server.address).toBeUndefined();
  });

  test('waits no longer than its bound', async () => {
    const slow = slowRoute();
    const server = await started({ shutdownTimeoutMs: 50 }, slow.routes);
    const socket = await dial(server);
    socket.write('GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await slow.asked;
    await Promise.all([server.shutdown(), allOf(socket)]);
  });

  test('may be called twice, and without a start', async () => {
    const server = listener('127.0.0.1:0');
    await server.shutdown();
    await server.start();
    await server.shutdown();
    await server.shutdown();
  });
});

describe('addresses', () => {
  test('tells the port that was chosen for port 0', async () => {
    const server = await started();
    expect(server.address).toMatch(/^127\.0\.0\.1:[1-9]\d*$/);
  });

  test('listens on IPv6', async () => {
    const server = listener('[::1]:0');
    await server.start();
    expect(server.address).toMatch(/^\[::1\]:\d+$/);
    expect(await send(server, closing('GET /hello'))).toMatch(/hello\n$/);
  });

  test('that are in use are refused with what to do', async () => {
    const first = await started();
    const error = await refusal(listener(first.address ?? ''));
    expect(error.problems[0]?.path).toEqual(['endpoint']);
    expect(error.message).toBe(
      `listen on ${first.address ?? ''}: the address is in use, perhaps by another agentcol; stop what listens there, or set endpoint to another port`,
    );
  });

  test('that this machine does not have are refused with what to do', async () => {
    expect((await refusal(listener('192.0.2.1:0'))).message).toContain('set endpoint to one of its own');
  });
});

async function refusal(server: Listener): Promise<ConfigError> {
  const error: unknown = await server.start().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ConfigError)) throw new Error(`not a ConfigError: ${String(error)}`);
  return error;
}

describe('a Unix socket', () => {
  const ask = async (path: string) => {
    const socket = connect(path);
    sockets.push(socket);
    socket.write(closing('GET /hello'));
    return await allOf(socket);
  };

  test('has mode 0600 whatever the umask, and is removed at shutdown', async () => {
    const path = join(folder, 'a.sock');
    const before = process.umask(0);
    try {
      const server = listener(`unix:${path}`);
      await server.start();
      expect(process.umask(0)).toBe(0);
      expect(server.address).toBe(`unix:${path}`);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(await ask(path)).toMatch(/hello\n$/);
      await server.shutdown();
      expect(existsSync(path)).toBe(false);
    } finally {
      process.umask(before);
    }
  });

  test('of a dead process is replaced', async () => {
    const path = join(folder, 'a.sock');
    const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    await once(spawn(process.execPath, ['-e', script]), 'exit');
    expect(statSync(path).isSocket()).toBe(true);
    const server = listener(`unix:${path}`);
    await server.start();
    expect(await ask(path)).toMatch(/hello\n$/);
    expect(log).toEqual([`removed the socket that a dead process left at ${path}`]);
  });

  test('of a running process is refused, and left alone', async () => {
    const path = join(folder, 'a.sock');
    const other = createServer((socket) => socket.on('error', () => {}).end('other'));
    other.listen(path);
    await once(other, 'listening');
    const error = await refusal(listener(`unix:${path}`));
    expect(error.message).toContain('a running process listens there');
    expect(error.message).toContain('set endpoint to another path');
    expect(await allOf(connect(path))).toBe('other');
    other.close();
  });

  test('never replaces a file that is no socket', async () => {
    const path = join(folder, 'a.sock');
    writeFileSync(path, 'precious');
    expect((await refusal(listener(`unix:${path}`))).message).toContain('not a socket');
    expect(existsSync(path)).toBe(true);
  });

  test('in a folder that does not exist is refused', async () => {
    const error = await refusal(listener(`unix:${join(folder, 'none', 'a.sock')}`));
    expect(error.message).toContain('its folder does not exist');
  });

  test('with a path that is too long for the kernel is refused', async () => {
    expect((await refusal(listener(`unix:/tmp/${'x'.repeat(100)}`))).message).toContain('at most 103 bytes');
  });
});
