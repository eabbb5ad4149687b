import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseCommandLine } from '../../src/commands/command-line.ts';
import { hooks } from '../../src/commands/hooks.ts';
import { capture } from './capture.ts';

let folder: string;
let main: string;
let config: string;
let settings: string;
let printed: string;

beforeEach(() => {
  folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol hooks-')));
  main = path.join(folder, 'dist', 'src', 'main.cjs');
  fs.mkdirSync(path.dirname(main), { recursive: true });
  fs.writeFileSync(main, '');
  config = path.join(folder, 'otel-config.yaml');
  settings = path.join(folder, 'settings.json');
  configure({ storage: 'file_storage' });
  capture(process.stdout, (text) => (printed += text));
});

afterEach(() => {
  vi.restoreAllMocks();
  fs.rmSync(folder, { recursive: true, force: true });
});

function configure(receiver: Readonly<Record<string, unknown>>, type = 'claude_code_hooks'): void {
  const own = { database: path.join(folder, 'data', 'agents.db'), ...receiver };
  const text = {
    receivers: { [type]: own },
    exporters: { prometheus: null },
    extensions: {
      file_storage: { directory: path.join(folder, 'state') },
      bearertokenauth: { token: 'a-token-of-the-user' },
      basicauth: { htpasswd: { inline: 'u:$2b$05$0123456789012345678901uabcdefghijklmnopqrstuvwxyzabcd' } },
    },
    service: {
      extensions: ['file_storage', 'bearertokenauth', 'basicauth'],
      pipelines: { metrics: { receivers: [type], exporters: ['prometheus'] } },
    },
  };
  fs.writeFileSync(config, JSON.stringify(text));
}

async function call(...words: readonly string[]): Promise<string> {
  const line = parseCommandLine(['hooks', ...words]);
  if (line.command !== 'hooks') throw new Error('another command');
  printed = '';
  await hooks(line, main);
  return printed;
}

const install = (...words: readonly string[]): Promise<string> =>
  call('install', '--settings', settings, '--http', '--config', config, ...words);

function token(): string {
  return fs.readFileSync(path.join(folder, 'state', 'hooks.token'), 'utf8').trim();
}

/** Event -> its one hook. */
function installed(file = settings): Readonly<Record<string, unknown>> {
  const { hooks: events } = JSON.parse(fs.readFileSync(file, 'utf8')) as {
    hooks: Record<string, { hooks: unknown[] }[]>;
  };
  return Object.fromEntries(
    Object.entries(events).map(([event, groups]) => [event, groups.map((group) => group.hooks)]),
  );
}

describe('hooks install --http', () => {
  it('has every event go over HTTP with the token, but for SessionStart', async () => {
    const told = await install();
    const entry = (timeout: number) => ({
      type: 'http',
      url: 'http://127.0.0.1:9468/hooks?agentcol',
      timeout,
      headers: { Authorization: `Bearer ${token()}` },
    });
    expect(installed()).toMatchObject({
      SessionStart: [[{ type: 'command', args: [main, 'hook', '--database', path.join(folder, 'data', 'agents.db')] }]],
      PreToolUse: [[entry(3)]],
      SessionEnd: [[entry(1)]],
    });
    expect(told).toContain('http://127.0.0.1:9468/hooks');
    expect(told).not.toContain(token());
  });

  it('makes the settings, and what is kept of them, private', async () => {
    fs.writeFileSync(settings, '{\n  "model": "x"\n}\n', { mode: 0o644 });
    await install();
    await install('--endpoint', 'https://hooks.example.org');
    const modes = fs
      .readdirSync(folder)
      .filter((name) => name.startsWith('settings.json'))
      .map((name) => fs.statSync(path.join(folder, name)).mode & 0o777);
    expect(modes).toEqual([0o600, 0o600, 0o600]);
    expect(installed()).toMatchObject({ Stop: [[{ url: 'https://hooks.example.org/hooks?agentcol' }]] });
  });

  it('names the token in the settings of a project, which others see', async () => {
    vi.spyOn(process, 'cwd').mockReturnValue(folder);
    const told = await call('install', '--scope', 'project', '--http', '--config', config);
    expect(installed(path.join(folder, '.claude', 'settings.json'))).toMatchObject({
      Stop: [
        [{ headers: { Authorization: 'Bearer $AGENTCOL_HOOKS_TOKEN' }, allowedEnvVars: ['AGENTCOL_HOOKS_TOKEN'] }],
      ],
    });
    expect(told).toContain('AGENTCOL_HOOKS_TOKEN');
  });

  it('names the token where a bearertokenauth decides', async () => {
    configure({ auth: { authenticator: 'bearertokenauth' }, endpoint: '[::]:9999', allow_insecure_bind: true });
    await install();
    expect(installed()).toMatchObject({
      Stop: [[{ url: 'http://[::1]:9999/hooks?agentcol', headers: { Authorization: 'Bearer $AGENTCOL_HOOKS_TOKEN' } }]],
    });
  });

  it.each([
    [{ storage: 'file_storage', endpoint: 'unix:/run/agentcol.sock' }, 'agents cannot call a Unix socket'],
    [{ auth: { authenticator: 'basicauth' } }, 'name a bearertokenauth there'],
  ])('refuses %j', async (receiver, message) => {
    configure(receiver);
    await expect(install()).rejects.toThrow(message);
    expect(fs.existsSync(settings)).toBe(false);
  });

  it('refuses a configuration without the receiver', async () => {
    configure({ preset: 'agent_workflow' }, 'sqlite');
    await expect(install()).rejects.toThrow('no pipeline has a claude_code_hooks receiver');
  });

  it('with --dry-run shows the change without the token, and makes none', async () => {
    expect(await install('--dry-run')).toContain('"Authorization": "Bearer [REDACTED]"');
    expect(fs.existsSync(path.join(folder, 'state'))).toBe(false);
    await install();
    expect(await install('--dry-run')).toContain('nothing to change');
    expect(await call('uninstall', '--settings', settings, '--dry-run')).not.toContain(token());
  });

  it('takes the place of the commands, and they of it', async () => {
    await call('install', '--settings', settings, '--database', path.join(folder, 'a.db'));
    const before = installed();
    await install('--database', path.join(folder, 'a.db'));
    expect(installed()).not.toEqual(before);
    await call('install', '--settings', settings);
    expect(installed()).toEqual(before);
  });

  it('is told by status, and taken back by uninstall to the byte', async () => {
    const text = '{ "hooks": {"Stop": [{"hooks": [{"type": "http", "url": "http://127.0.0.1:1/hooks"}]}]} }';
    fs.writeFileSync(settings, text);
    await install();
    const status = await call('status', '--settings', settings, '--config', config);
    expect(status).toContain('agentcol is installed, every event');
    expect(status).toContain('http      http://127.0.0.1:9468/hooks?agentcol, with the token in this file');
    expect(status).toContain(`is in ${path.join(folder, 'state', 'hooks.token')}`);
    expect(status).not.toContain(token());
    await call('uninstall', '--settings', settings);
    expect(fs.readFileSync(settings, 'utf8')).toBe(text);
  });

  it.each([
    [['--endpoint', 'x', '--http'], '--endpoint takes a URL: http://127.0.0.1:9468'],
    [['--endpoint', 'http://127.0.0.1:1'], '--endpoint has no meaning for hooks install without --http'],
    [['--config', 'a'], '--config has no meaning for hooks install without --http'],
  ])('with %j is called wrongly', (words, message) => {
    expect(() => parseCommandLine(['hooks', 'install', ...words])).toThrow(message);
  });
});
