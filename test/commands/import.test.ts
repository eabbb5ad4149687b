import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { importHistory } from '../../src/commands/import.ts';
import { parseCommandLine } from '../../src/commands/command-line.ts';
import { ConfigError } from '../../src/errors.ts';
import { Workspace } from '../main-job/harness.ts';
import { capture } from './capture.ts';

let workspace: Workspace;
let out: string;
let err: string;

beforeEach(() => {
  workspace = new Workspace();
  [out, err] = ['', ''];
  capture(process.stdout, (text) => (out += text));
  capture(process.stderr, (text) => (err += text));
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  workspace[Symbol.dispose]();
});

const running = new AbortController().signal;
const stop = { session_id: 's-1', hook_event_name: 'Stop' };

describe('import', () => {
  test('needs a path, and takes a database', () => {
    expect(() => parseCommandLine(['import'])).toThrow('import needs a file or a folder');
    expect(() => parseCommandLine(['import', 'a', '--once'])).toThrow('--once has no meaning for import');
    expect(parseCommandLine(['import', 'a', 'b', '--database', 'c'])).toEqual({
      command: 'import',
      paths: ['a', 'b'],
      database: 'c',
    });
  });

  test('tells what it did, into the database that hooks write to', async () => {
    const database = workspace.file('data', 'workflow.db');
    vi.stubEnv('AGENT_WORKFLOW_DB', database);
    const file = workspace.file('hooks.jsonl');
    fs.writeFileSync(file, `${JSON.stringify(stop)}\nbroken\n`);
    expect(await importHistory({ paths: [file], database: undefined }, running)).toBe(0);
    expect(out).toBe(`read 1 files into ${database}\n  1 events stored\n  1 lines left out: not JSON, or too long\n`);
    expect(err).toBe(`${file}:2: not JSON\n`);
    expect(fs.statSync(database).mode & 0o777).toBe(0o600);
  });

  test('fails when a file cannot be read, and imports the others', async () => {
    const file = workspace.file('hooks.jsonl');
    fs.writeFileSync(file, JSON.stringify(stop));
    const paths = [workspace.file('missing'), file];
    expect(await importHistory({ paths, database: workspace.file('a.db') }, running)).toBe(1);
    expect(out).toContain('  1 events stored\n');
    expect(out).toContain('  1 files or folders could not be read\n');
    expect(err).toMatch(/missing: no such file or folder/);
  });

  test.each([
    ['not JSON', 'broken\n'],
    ['JSON of something else', '{"name": "a"}\n3\n'],
    ['of another agent', '{"hook_event_name": "preToolUse", "session_id": "s-1"}\n'],
  ])('fails when nothing at all could be read: %s', async (_, text) => {
    const file = workspace.file('bad.jsonl');
    fs.writeFileSync(file, text);
    expect(await importHistory({ paths: [file], database: workspace.file('a.db') }, running)).toBe(1);
  });

  test('does not fail when there is nothing to be read', async () => {
    const folder = workspace.file('empty');
    fs.mkdirSync(folder);
    fs.writeFileSync(workspace.file('empty', 'hooks.jsonl'), '');
    expect(await importHistory({ paths: [folder], database: workspace.file('a.db') }, running)).toBe(0);
  });

  test('says when nothing is new', async () => {
    const [file, database] = [workspace.file('hooks.jsonl'), workspace.file('a.db')];
    fs.writeFileSync(file, JSON.stringify(stop));
    for (let times = 0; times < 2; times += 1) {
      out = '';
      expect(await importHistory({ paths: [file], database }, running)).toBe(0);
    }
    expect(out).toBe(`read 1 files into ${database}\n  nothing is new\n  1 events were there already\n`);
  });

  test('fails when it is stopped', async () => {
    const file = workspace.file('hooks.jsonl');
    fs.writeFileSync(file, JSON.stringify(stop));
    const stopped = AbortSignal.abort();
    expect(await importHistory({ paths: [file], database: workspace.file('a.db') }, stopped)).toBe(1);
  });

  test('does not touch the database of another program', async () => {
    const other = workspace.file('other.db');
    fs.writeFileSync(
      other,
      'a file of somebody else, which is no database at all, and longer than a page header of SQLite',
    );
    await expect(importHistory({ paths: [], database: other }, running)).rejects.toThrow();
    fs.mkdirSync(workspace.file('folder'));
    await expect(importHistory({ paths: [], database: workspace.file('folder') }, running)).rejects.toThrow(
      ConfigError,
    );
  });
});
