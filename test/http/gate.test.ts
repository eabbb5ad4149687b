import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Authenticator } from '../../src/component.ts';
import { ConfigError } from '../../src/errors.ts';
import { createListener, type Listener } from '../../src/http/listener.ts';
import { testSettings } from '../component-suite.ts';
import { recorder } from '../pipeline/ledger.ts';

const GOOD = 'Token good';
const WRONG = 'Token wrong';

let good = GOOD;
/** Long enough to be recognized. */
let recognized: string | undefined;
let asked: string[] = [];
let nowMs = 0;
let log = recorder();
let server: Listener;
const agents: Agent[] = [];

const authenticator: Authenticator = {
  challenge: 'Token realm="agentcol"',
  authenticate: async (authorization) => {
    asked.push(authorization);
    return authorization === good;
  },
  recognizes: (authorization) => authorization === recognized,
};

beforeEach(async () => {
  good = GOOD;
  recognized = undefined;
  asked = [];
  nowMs = 1_000_000;
  log = recorder();
  server = createListener({
    server: {
      endpoint: '127.0.0.1:0',
      allow_insecure_bind: false,
      allowed_hosts: ['proxy.example'],
      auth: { authenticator: 'token' },
    },
    settings: testSettings('test', { logger: log, now: () => nowMs, authenticator: () => authenticator }),
    routes: {
      '/hello': { GET: () => ({ status: 200, body: 'hello\n' }) },
      '/healthz': { GET: () => ({ status: 200, body: 'ok\n' }), open: true },
    },
    throttle: { maxDelayMs: 1 },
  });
  await server.start();
});

afterEach(async () => {
  for (const agent of agents.splice(0)) agent.destroy();
  await server.shutdown();
});

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

interface Asking {
  readonly path?: string;
  /** false: a connection of its own. */
  readonly agent?: Agent | false;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One connection, kept. */
function connection(): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  agents.push(agent);
  return agent;
}

function ask(
  authorization: string | undefined,
  { path = '/hello', agent = false, headers = {} }: Asking = {},
): Promise<Answer> {
  const { hostname, port } = new URL(`http://${server.address ?? ''}`);
  const credentials = authorization === undefined ? {} : { authorization };
  return new Promise((resolve, reject) => {
    const asking = request({ hostname, port, path, agent, headers: { ...headers, ...credentials } }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }));
    });
    asking.on('error', reject);
    asking.end();
  });
}

async function fail(times: number, options: Asking = {}): Promise<readonly number[]> {
  const answers = await Promise.all(Array.from({ length: times }, () => ask(WRONG, options)));
  return answers.map(({ status }) => status);
}

describe('without credentials', () => {
  test.each(['/hello', '/no-such-path'])('%s is answered by 401, how to ask, and nothing else', async (path) => {
    const { status, body, headers } = await ask(undefined, { path });
    expect([status, body, headers['www-authenticate']]).toEqual([401, 'unauthorized\n', 'Token realm="agentcol"']);
    expect(asked).toEqual([]);
  });

  test('an open path is answered', async () => {
    expect((await ask(undefined, { path: '/healthz' })).body).toBe('ok\n');
  });
});

describe('credentials', () => {
  test('that are good get the answer', async () => {
    expect((await ask(GOOD)).body).toBe('hello\n');
    expect((await ask(GOOD, { path: '/no-such-path' })).status).toBe(404);
  });

  test('that are wrong get what none get', async () => {
    expect(await ask(WRONG, { path: '/no-such-path' })).toMatchObject({ status: 401, body: 'unauthorized\n' });
  });

  test('are looked at ten times at most, however many come at once, and then not for six seconds', async () => {
    const statuses = await fail(100);
    expect(statuses.filter((status) => status === 401)).toHaveLength(10);
    expect(statuses.filter((status) => status === 429)).toHaveLength(90);
    expect(asked).toHaveLength(10);
    expect((await ask(WRONG)).headers['retry-after']).toBe('6');
    nowMs += 6_000;
    expect(await fail(2)).toEqual([401, 429]);
    expect(log.lines[0]).toBe('warn too many wrong credentials: for a while, further ones are not looked at');
    expect(log.lines.join()).not.toContain('wrong"');
  });

  test('that are recognized get through whatever others do, on a new connection too', async () => {
    recognized = 'Token recognized';
    await fail(50);
    expect((await ask(recognized)).body).toBe('hello\n');
    expect((await ask(GOOD)).status).toBe(429);
    expect(asked).not.toContain(recognized);
  });

  test('that might be guessed are not told from wrong ones once there were too many', async () => {
    await fail(10);
    const [right, wrong] = [await ask(GOOD), await ask(WRONG)];
    expect([right.status, right.body]).toEqual([429, 'too many requests\n']);
    expect([wrong.status, wrong.body]).toEqual([429, 'too many requests\n']);
  });

  test('on a connection that has shown them get through whatever others do', async () => {
    const scraper = connection();
    expect((await ask(GOOD, { agent: scraper })).status).toBe(200);
    await fail(50);
    expect((await ask(GOOD, { agent: scraper })).status).toBe(200);
    expect((await ask(GOOD)).status).toBe(429);
  });

  test('on a connection that has shown wrong ones since do not', async () => {
    const shared = connection();
    await ask(GOOD, { agent: shared });
    await ask(WRONG, { agent: shared });
    await fail(50);
    expect((await ask(GOOD, { agent: shared })).status).toBe(429);
  });

  test('that were good are no longer when they were taken back', async () => {
    const scraper = connection();
    await ask(GOOD, { agent: scraper });
    good = 'Token new';
    expect((await ask(GOOD, { agent: scraper })).status).toBe(401);
    expect((await ask('Token new', { agent: scraper })).status).toBe(200);
  });

  test('of one client of a proxy are not held up for those of another', async () => {
    const behind = (address: string) => ({ headers: { host: 'proxy.example', 'x-forwarded-for': address } });
    await fail(50, behind('192.0.2.1'));
    expect((await ask(GOOD, behind('192.0.2.1'))).status).toBe(429);
    expect((await ask(GOOD, behind('192.0.2.2'))).status).toBe(200);
  });
});

describe('a request', () => {
  const raw = async (text: string): Promise<string> => {
    const { hostname, port } = new URL(`http://${server.address ?? ''}`);
    const socket = connect(Number(port), hostname);
    socket.end(text);
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    await once(socket, 'close');
    return answer;
  };

  test('for another host is refused, open path or not, before its credentials are looked at', async () => {
    const headers = { host: 'evil.example' };
    expect(await ask(GOOD, { headers })).toMatchObject({ status: 403, body: 'forbidden host\n' });
    expect((await ask(undefined, { path: '/healthz', headers })).status).toBe(403);
    expect(asked).toEqual([]);
    expect((await ask(GOOD, { headers: { host: 'proxy.example:443' } })).status).toBe(200);
  });

  test('for two hosts is malformed', async () => {
    expect(await raw('GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 400 /,
    );
  });

  test('of HTTP/1.0 needs no host', async () => {
    expect(await raw('GET /healthz HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
  });
});

test('an authenticator that is none is refused when the listener is made', () => {
  const none = () => {
    throw new ConfigError([{ path: ['auth', 'authenticator'], message: 'none' }]);
  };
  const settings = {
    endpoint: '127.0.0.1:0',
    allow_insecure_bind: false,
    allowed_hosts: [],
    auth: { authenticator: 'x' },
  };
  expect(() =>
    createListener({ server: settings, settings: testSettings('test', { authenticator: none }), routes: {} }),
  ).toThrow(ConfigError);
});
