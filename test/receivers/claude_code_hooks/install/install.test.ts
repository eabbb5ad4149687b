import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import type { HookProgram } from '../../../../receivers/claude_code_hooks/install/hook-entry.ts';
import { install, readInstalled, uninstall } from '../../../../receivers/claude_code_hooks/install/install.ts';
import { rewriteSettingsFile } from '../../../../receivers/claude_code_hooks/install/settings-file.ts';

const NOBODY = 65_534;
const REALLY = { dryRun: false };
let folder: string;
let settings: string;
let program: HookProgram;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol settings-'));
  settings = path.join(folder, 'settings.json');
  program = { node: process.execPath, main: '/opt/agent col/dist/src/main.cjs', database: `${folder}/agents.db` };
});

afterEach(() => {
  fs.rmSync(folder, { recursive: true, force: true });
});

function write(content: string | Buffer): void {
  fs.writeFileSync(settings, content);
}

function bytes(): Buffer {
  return fs.readFileSync(settings);
}

function backups(): readonly string[] {
  return fs.readdirSync(folder).filter((name) => name.endsWith('.bak'));
}

/** Everything in the folder that is neither settings nor a backup. */
function litter(): readonly string[] {
  return fs
    .readdirSync(folder)
    .filter((name) => !/^settings\.json(\.agentcol-\d{8}T\d{6}\.\d{3}Z-\d+\.bak)?$/.test(name));
}

const OTHERS = '{ "hooks": {"Stop": [ {"hooks": [{"type": "command", "command": "bell"}]} ]},  "model": "opus"}';

const FILES: Readonly<Record<string, string>> = {
  'hooks of others': OTHERS,
  tabs: '{\n\t"model": "opus"\n}\n',
  CRLF: '{\r\n  "model": "opus",\r\n  "hooks": {}\r\n}\r\n',
  'no final line break': '{\n  "model": "opus"\n}',
  'a byte order mark': '\uFEFF{\n  "model": "opus"\n}\n',
  'an empty object': '{ }',
  'empty containers': '{"hooks": {"PreToolUse": [ ], "Stop": [\n]}}\n',
  'odd blanks': '\n {"a" :1\n\t, "hooks":{ }\n}  ',
};

describe('install and uninstall', () => {
  test.each(Object.entries(FILES))('give back the file to the byte: %s', async (_, content) => {
    write(content);
    const { backup } = await install(settings, program, REALLY);
    expect(backup !== undefined && fs.readFileSync(backup, 'utf8')).toBe(content);
    const installed = bytes();
    expect(readInstalled(settings)?.own).toHaveLength(13);

    expect(await install(settings, program, REALLY)).toMatchObject({ backup: undefined });
    expect(bytes()).toEqual(installed);
    expect(backups()).toHaveLength(1);

    await uninstall(settings, REALLY);
    expect(bytes().toString()).toBe(content);
    await uninstall(settings, REALLY);
    expect(bytes().toString()).toBe(content);

    await install(settings, program, REALLY);
    expect(bytes()).toEqual(installed);
    expect(litter()).toEqual([]);
  });

  it('make the file and its folder, private, and take the file away again', async () => {
    settings = path.join(folder, 'home', '.claude', 'settings.json');
    expect(readInstalled(settings)).toBeUndefined();
    await install(settings, program, REALLY);
    expect(fs.statSync(settings).mode & 0o777).toBe(0o600);
    expect(fs.statSync(path.dirname(settings)).mode & 0o777).toBe(0o700);
    expect(bytes().toString()).toMatch(/^\{\n {2}"hooks": \{\n {4}"SessionStart": \[\n[^]*\n\}\n$/);
    await uninstall(settings, REALLY);
    expect(fs.readdirSync(path.dirname(settings))).toEqual([]);
    expect(await uninstall(settings, REALLY)).toMatchObject({ before: undefined, after: undefined });
  });

  it('take out only what is their own where others have changed the file since', async () => {
    write(FILES['empty containers']!);
    await install(settings, program, REALLY);
    write(bytes().toString().replace('{"hooks"', '{"model": "opus", "hooks"'));
    await uninstall(settings, REALLY);
    expect(bytes().toString()).toBe('{"model": "opus"}\n');
  });

  it('give back the file to the byte although agentcol has moved since', async () => {
    write(OTHERS);
    await install(settings, { ...program, node: '/old/node', main: '/old/dist/src/main.cjs' }, REALLY);
    await install(settings, program, REALLY);
    expect(bytes().toString()).not.toContain('/old/');
    await uninstall(settings, REALLY);
    expect(bytes().toString()).toBe(OTHERS);
  });

  it('keep the five newest backups', async () => {
    write(OTHERS);
    for (let time = 0; time < 9; time += 1) {
      const edit = (): string => `{"time": ${time}}`;
      await rewriteSettingsFile(settings, edit, { now: () => Date.UTC(2026, 0, 1, 0, 0, time) });
    }
    const kept = backups().map((name) => fs.readFileSync(path.join(folder, name), 'utf8'));
    expect(kept.sort()).toEqual([3, 4, 5, 6, 7].map((time) => `{"time": ${time}}`));
  });

  it('change nothing in a dry run', async () => {
    write(OTHERS);
    const { before, after } = await install(settings, program, { dryRun: true });
    expect(before).toBe(OTHERS);
    expect(after).toContain(program.main);
    expect(fs.readdirSync(folder)).toEqual(['settings.json']);
    expect(bytes().toString()).toBe(OTHERS);
  });

  it('keep the mode of the file', async () => {
    write(OTHERS);
    fs.chmodSync(settings, 0o640);
    await install(settings, program, REALLY);
    expect(fs.statSync(settings).mode & 0o777).toBe(0o640);
  });

  it('keep the owner of the file', { skip: process.getuid?.() !== 0 }, async () => {
    write(OTHERS);
    fs.chownSync(settings, NOBODY, NOBODY);
    await install(settings, program, REALLY);
    expect(fs.statSync(settings)).toMatchObject({ uid: NOBODY, gid: NOBODY });
  });

  it('follow symbolic links, and leave them as they are', async () => {
    const dotfiles = path.join(folder, 'dotfiles');
    fs.mkdirSync(dotfiles);
    fs.writeFileSync(path.join(dotfiles, 'claude.json'), OTHERS);
    fs.symlinkSync('dotfiles/claude.json', path.join(folder, 'link'));
    fs.symlinkSync('link', settings);
    const { target } = await install(settings, program, REALLY);
    expect(target).toBe(path.join(fs.realpathSync(dotfiles), 'claude.json'));
    expect(fs.lstatSync(settings).isSymbolicLink()).toBe(true);
    expect(readInstalled(target)?.own).toHaveLength(13);
    expect(fs.readdirSync(folder).sort()).toEqual(['dotfiles', 'link', 'settings.json']);
    await uninstall(settings, REALLY);
    expect(fs.readFileSync(target, 'utf8')).toBe(OTHERS);
  });

  it('find a file behind a linked folder that is still to be made', async () => {
    fs.mkdirSync(path.join(folder, 'real'));
    fs.symlinkSync('real', path.join(folder, 'linked'));
    await install(path.join(folder, 'linked', 'settings.json'), program, REALLY);
    expect(fs.existsSync(path.join(folder, 'real', 'settings.json'))).toBe(true);
  });
});

describe('refused, and left as it is:', () => {
  test.each([
    ['{\n  "model": "opus",\n}\n', ':3:1: not valid JSON: property name expected'],
    ['{\n  // comment\n  "model": "opus"\n}\n', ':2:3: not valid JSON: invalid comment token'],
    ['', ':1:1: empty, or half saved: write {} into it, or remove it'],
    [Buffer.from([0x7b, 0x7d, 0xff]), ': is not UTF-8'],
    ['\uFEFF\uFEFF{}', ':1:1: not valid JSON: invalid symbol'],
    ['{"hooks": 5}', ':1:11: hooks must be an object'],
  ])('%j', async (content, message) => {
    write(content);
    const before = bytes();
    await expect(install(settings, program, REALLY)).rejects.toThrow(settings + message);
    expect(bytes()).toEqual(before);
    expect(fs.readdirSync(folder)).toEqual(['settings.json']);
  });

  it('a folder in the place of the file', async () => {
    fs.mkdirSync(settings);
    await expect(install(settings, program, REALLY)).rejects.toThrow(`${settings}: is a folder`);
    await expect(uninstall(settings, REALLY)).rejects.toThrow(`${settings}: is a folder`);
  });

  it('a pipe in the place of the file, without waiting for it', async () => {
    spawnSync('mkfifo', [settings]);
    await expect(install(settings, program, REALLY)).rejects.toThrow(`${settings}: is not a file`);
  });

  it('a symbolic link that leads nowhere', async () => {
    fs.symlinkSync('gone', settings);
    await expect(install(settings, program, REALLY)).rejects.toThrow('is a symbolic link that leads nowhere');
  });

  it('a file in the place of the folder', async () => {
    write(OTHERS);
    await expect(install(path.join(settings, 'settings.json'), program, REALLY)).rejects.toThrow(/ENOTDIR|EEXIST/);
  });

  it('a folder that cannot be written to', async () => {
    write(OTHERS);
    fs.chmodSync(settings, 0o644);
    fs.chmodSync(folder, 0o555);
    const child = spawnInstaller('install', { uid: process.getuid?.() === 0 ? NOBODY : undefined });
    expect(await child.ended).toMatchObject({ code: 1, err: expect.stringContaining('EACCES') as string });
    fs.chmodSync(folder, 0o755);
    expect(bytes().toString()).toBe(OTHERS);
    expect(fs.readdirSync(folder)).toEqual(['settings.json']);
  });
});

describe('whoever else writes at the same time loses nothing:', () => {
  it('an editor that replaces the file between reading and writing', async () => {
    write(OTHERS);
    let calls = 0;
    await rewriteSettingsFile(settings, (text) => {
      calls += 1;
      if (calls === 1) {
        fs.writeFileSync(`${settings}~`, '{"model": "sonnet"}');
        fs.renameSync(`${settings}~`, settings);
      }
      return text?.replace('{', '{"mine": 1, ');
    });
    expect(bytes().toString()).toBe('{"mine": 1, "model": "sonnet"}');
    expect(backups()).toHaveLength(1);
    expect(litter()).toEqual([]);
  });

  it('an editor that writes into the file, or takes it away', async () => {
    write(OTHERS);
    const others = ['{"model": "sonnet"}', undefined, '{"model": "haiku"}'];
    await rewriteSettingsFile(settings, (text) => {
      if (others.length === 0) return text?.replace('{', '{"mine": 1, ');
      const next = others.shift();
      if (next === undefined) fs.unlinkSync(settings);
      else write(next);
      return '{}';
    });
    expect(bytes().toString()).toBe('{"mine": 1, "model": "haiku"}');
    expect(litter()).toEqual([]);
  });

  it('an editor that makes the file first', async () => {
    await rewriteSettingsFile(settings, (text) => {
      if (text === undefined) write('{"model": "sonnet"}');
      return text === undefined ? '{"mine": 1}' : text.replace('{', '{"mine": 1, ');
    });
    expect(bytes().toString()).toBe('{"mine": 1, "model": "sonnet"}');
  });

  it('an editor that has only half written the file', async () => {
    write('{"model": "so');
    setTimeout(() => write('{"model": "sonnet"}'), 20);
    await install(settings, program, REALLY);
    expect(bytes().toString()).toContain('{"model": "sonnet", "hooks": {');
  });

  it('an editor that never stops: that is told, and nothing is changed', async () => {
    write('{}');
    let count = 0;
    const refused = rewriteSettingsFile(settings, () => {
      count += 1;
      write(`{"count": ${count}}`);
      return '{"mine": 1}';
    });
    await expect(refused).rejects.toThrow('others keep changing it; nothing was changed');
    expect(bytes().toString()).toBe(`{"count": ${count}}`);
    expect(fs.readdirSync(folder)).toEqual(['settings.json']);
  });

  it('two installers of the same moment', async () => {
    write(OTHERS);
    const results = await Promise.all([spawnInstaller('install').ended, spawnInstaller('install').ended]);
    expect(results.map(({ code }) => code)).toEqual([0, 0]);
    expect(readInstalled(settings)?.own).toHaveLength(13);
    await uninstall(settings, REALLY);
    expect(bytes().toString()).toBe(OTHERS);
    expect(litter()).toEqual([]);
  });
});

/** A process of its own that installs or uninstalls. */
function spawnInstaller(action: 'install' | 'uninstall', { uid }: { readonly uid?: number | undefined } = {}) {
  const child = spawn(
    process.execPath,
    [
      '--import',
      import.meta.resolve('tsx'),
      path.resolve(import.meta.dirname, 'installer-process.ts'),
      action,
      settings,
    ],
    // Not at once: another user may not be able to read this checkout.
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, AGENTCOL_TEST_UID: uid === undefined ? '' : String(uid) },
    },
  );
  let err = '';
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  return { ended: once(child, 'close').then(([code]: unknown[]) => ({ code, err })) };
}
