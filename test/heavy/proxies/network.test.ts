import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requirement } from '../requirement.ts';
import { freePort, PASSWORD, Stage, USER } from './stage.ts';

/** Of a network for benchmarks (RFC 2544), which no machine has. */
const HERE = '198.18.251.1';
const THERE = '198.18.251.2';
const NAMESPACE = `agentcol-${process.pid}`;
const LINK = `ac${process.pid}`;

function ip(...words: readonly string[]): void {
  const { status, stderr } = spawnSync('ip', words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip ${words.join(' ')}: ${stderr}`);
}

function canMakeNamespaces(): boolean {
  const name = `${NAMESPACE}-try`;
  const made = spawnSync('ip', ['netns', 'add', name]).status === 0;
  if (made) ip('netns', 'delete', name);
  return made;
}

const network = requirement('root, to make a network namespace with ip (Debian package iproute2)', canMakeNamespaces());
const nginx = requirement('nginx (Debian package nginx-light)', spawnSync('nginx', ['-v']).status === 0);

/** A request as another machine sends it: the status, or why there is none. */
const ASK = `
const { request } = require(process.argv[1].split(':')[0]);
request(process.argv[1], { rejectUnauthorized: false, auth: process.argv[2], timeout: 5000 }, (response) => {
  process.stdout.write(String(response.statusCode));
  process.exit();
}).on('timeout', () => { process.stdout.write('timeout'); process.exit(); })
  .on('error', (error) => process.stdout.write(error.code)).end();`;

describe.skipIf(!network.met || !nginx.met)(`from another machine${network.reason}${nginx.reason}`, () => {
  let stage: Stage;
  let port: number;

  beforeAll(async () => {
    ip('netns', 'add', NAMESPACE);
    ip('link', 'add', LINK, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', NAMESPACE);
    ip('address', 'add', `${HERE}/30`, 'dev', LINK);
    ip('link', 'set', LINK, 'up');
    ip('-n', NAMESPACE, 'address', 'add', `${THERE}/30`, 'dev', 'eth0');
    ip('-n', NAMESPACE, 'link', 'set', 'eth0', 'up');
    ip('-n', NAMESPACE, 'link', 'set', 'lo', 'up');
    port = await freePort();
    stage = await Stage.start({
      proxy: 'nginx',
      address: HERE,
      exporters: async () => ({ prometheus: { endpoint: `127.0.0.1:${port}` } }),
    });
  });

  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
    ip('netns', 'delete', NAMESPACE);
  });

  function askFromThere(url: string, auth = ''): string {
    const words = ['netns', 'exec', NAMESPACE, process.execPath, '-e', ASK, url, auth];
    return spawnSync('ip', words, { encoding: 'utf8' }).stdout;
  }

  it('the proxy is reached, and asks who wants to know', () => {
    expect(askFromThere(`https://${HERE}:${stage.port}/metrics`)).toBe('401');
    expect(askFromThere(`https://${HERE}:${stage.port}/metrics`, `${USER}:${PASSWORD}`)).toBe('200');
  });

  it('agentcol itself is not, by the address of its machine', async () => {
    expect((await stage.direct()).status).toBe(200);
    expect(askFromThere(`http://${HERE}:${port}/metrics`)).toBe('ECONNREFUSED');
  });

  it('agentcol itself is not, by a packet for its loopback that is sent over the network', () => {
    // The other machine takes 127.0.0.0/8 for a network behind this one.
    ip('-n', NAMESPACE, 'address', 'delete', '127.0.0.1/8', 'dev', 'lo');
    ip('-n', NAMESPACE, 'route', 'add', '127.0.0.1/32', 'via', HERE);
    expect(['timeout', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EINVAL']).toContain(
      askFromThere(`http://127.0.0.1:${port}/metrics`),
    );
  });
});
