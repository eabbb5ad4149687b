import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openHookDatabase } from '../../receivers/claude_code_hooks/database.ts';
import { hookSettings } from '../../receivers/claude_code_hooks/settings.ts';
import type { HooksOptions } from '../../src/commands/hooks-options.ts';
import { hooks } from '../../src/commands/hooks.ts';
import { capture } from './capture.ts';

let folder: string;
let main: string;
let printed: string;

beforeEach(() => {
  // realpath: what is printed has symbolic links followed, and macOS keeps its temporary folder behind one.
  folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol hooks-')));
  main = path.join(folder, 'my tools', 'dist', 'src', 'main.cjs');
  fs.mkdirSync(path.dirname(main), { recursive: true });
  fs.writeFileSync(main, '');
  vi.stubEnv('HOME', folder);
  vi.stubEnv('XDG_DATA_HOME', '');
  vi.stubEnv('AGENT_WORKFLOW_DB', '');
  vi.stubEnv('CLAUDE_CONFIG_DIR', '');
  vi.spyOn(process, 'cwd').mockReturnValue(path.join(folder, 'project'));
  fs.mkdirSync(path.join(folder, 'project'));
  capture(process.stdout, (text) => (printed += text));
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  fs.rmSync(folder, { recursive: true, force: true });
});

const SAME = {
  scope: undefined,
  settings: undefined,
  database: undefined,
  captureContent: undefined,
  maxInputBytes: undefined,
  maxStoredTextBytes: undefined,
  maxDepth: undefined,
};

async function call(options: HooksOptions): Promise<string> {
  printed = '';
  expect(await hooks(options, main)).toBe(0);
  return printed;
}

async function install(options: Partial<Extract<HooksOptions, { action: 'install' }>> = {}): Promise<string> {
  return call({ action: 'install', dryRun: false, ...SAME, ...options });
}

async function status(options: Partial<HooksOptions> = {}): Promise<unknown> {
  return JSON.parse(
    await call({ action: 'status', scope: undefined, settings: undefined, json: true, ...options } as HooksOptions),
  );
}

function settingsIn(database: string) {
  const db = openHookDatabase(database);
  if (db === undefined) throw new Error('no database');
  try {
    return hookSettings(db);
  } finally {
    db.close();
  }
}

describe('agentcol hooks install', () => {
  it("tells the user's settings, and makes the default database, private", async () => {
    const file = path.join(folder, '.claude', 'settings.json');
    const database = path.join(folder, '.local', 'share', 'agentcol', 'agent_workflow.db');
    const where = `events go to ${database}\nwithout prompts, inputs and outputs: capture_content is off\n`;
    expect(await install()).toBe(`${file}: agentcol installed\n${where}`);
    expect(fs.statSync(database).mode & 0o777).toBe(0o600);
    expect(fs.statSync(path.dirname(database)).mode & 0o777).toBe(0o700);
    const text = fs.readFileSync(file, 'utf8');
    expect(await install()).toBe(`${file}: agentcol is installed already\n${where}`);
    expect(fs.readFileSync(file, 'utf8')).toBe(text);
  });

  it('says what is kept of what was there, and where', async () => {
    const file = path.join(folder, 'own.json');
    fs.writeFileSync(file, '{"disableAllHooks": true}');
    const said = await install({ settings: file, database: path.join(folder, 'a.db') });
    expect(said).toMatch(/: agentcol installed; what was there is kept as .*own\.json\.agentcol-.*\.bak\n/);
    expect(said).toContain('disableAllHooks is true there: no hook runs until you remove it');
  });

  it('writes into the database what events may hold, and leaves there what is not said', async () => {
    const database = path.join(folder, 'a.db');
    await install({ database, captureContent: true, maxDepth: 9 });
    await install({ maxInputBytes: 4096, maxStoredTextBytes: 0 });
    expect(settingsIn(database)).toEqual({
      capture_content: true,
      max_depth: 9,
      max_input_bytes: 4096,
      max_stored_text_bytes: 0,
    });
  });

  it('says each time whether content is stored, and of what stays when that is switched off', async () => {
    const database = path.join(folder, 'a.db');
    const on = 'with prompts, inputs and outputs: capture_content is on (--no-capture-content switches it off)\n';
    const off = 'without prompts, inputs and outputs: capture_content is off\n';
    const stays = 'those that were stored before stay until agentcol retention deletes their rows\n';
    expect(await install({ database, captureContent: true })).toContain(on);
    expect(await install()).toContain(on);
    expect(await install({ captureContent: false })).not.toContain(stays);
    const db = openHookDatabase(database)!;
    db.exec(`INSERT INTO agent_launches (session_id, prompt) VALUES ('s', 'do it')`);
    db.close();
    expect(await install({ captureContent: true })).not.toContain(stays);
    expect(await install({ captureContent: false })).toContain(off + stays);
    expect(await install()).toContain(off + stays);
  });

  it('shows before what it would write into the database', async () => {
    const database = path.join(folder, 'a.db');
    await install({ database });
    const shown = await install({ dryRun: true, captureContent: true, maxDepth: 9 });
    expect(shown).toMatch(
      /settings\.json: nothing to change\n.*a\.db: capture_content is to be on\n.*a\.db: max_depth is to be 9\n$/,
    );
    expect(settingsIn(database)).toMatchObject({ capture_content: false, max_depth: 64 });
  });

  it('goes on with the database that it has, and takes another one when told', async () => {
    const [one, other] = [path.join(folder, 'one.db'), path.join(folder, 'other.db')];
    await install({ database: one });
    vi.stubEnv('AGENT_WORKFLOW_DB', path.join(folder, 'env.db'));
    expect(await install()).toContain(`events go to ${one}\n`);
    expect(await install({ database: other })).toContain(`events go to ${other}\n`);
    expect(await install({ scope: 'local' })).toContain(`events go to ${path.join(folder, 'env.db')}\n`);
  });

  it('of a project: says that others get paths of this machine', async () => {
    expect(await install({ scope: 'project' })).toContain('--scope local is for you alone');
    expect(fs.existsSync(path.join(folder, 'project', '.claude', 'settings.json'))).toBe(true);
  });

  it('follows CLAUDE_CONFIG_DIR', async () => {
    vi.stubEnv('CLAUDE_CONFIG_DIR', path.join(folder, 'elsewhere'));
    expect(await install()).toContain(path.join(folder, 'elsewhere', 'settings.json'));
  });

  it('shows what it would change, and changes nothing', async () => {
    const file = path.join(folder, '.claude', 'settings.json');
    const diff = await install({ dryRun: true });
    expect(diff.split('\n').slice(0, 4)).toEqual([
      '--- /dev/null',
      `+++ ${file}`,
      expect.stringMatching(/^@@ -0,0 \+1,\d+ @@$/),
      '+{',
    ]);
    expect(fs.readdirSync(folder).sort()).toEqual(['my tools', 'project']);
    await install();
    expect(await install({ dryRun: true })).toBe(`${file}: nothing to change\n`);
  });

  it.each([
    ['settings that are no JSON', '{"a": 1,}', ':1:9: not valid JSON: property name expected'],
    ['hooks that are no object', '{"hooks": []}', ':1:11: hooks must be an object'],
  ])('refuses %s before anything is made', async (_, text, message) => {
    const file = path.join(folder, 'settings.json');
    fs.writeFileSync(file, text);
    await expect(install({ settings: file, database: path.join(folder, 'a.db') })).rejects.toThrow(file + message);
    expect(fs.existsSync(path.join(folder, 'a.db'))).toBe(false);
    expect(fs.readFileSync(file, 'utf8')).toBe(text);
  });

  it('changes no settings when the database cannot be made', async () => {
    fs.writeFileSync(
      path.join(folder, 'a.db'),
      'no database, but longer than the header of one, which has a hundred bytes. '.repeat(9),
    );
    await expect(install({ database: path.join(folder, 'a.db') })).rejects.toThrow(/^prepare .*a\.db: /);
    await expect(install({ database: path.join(folder, 'b.db'), maxDepth: 1 })).rejects.toThrow(
      'max_depth must be a whole number from',
    );
    expect(fs.existsSync(path.join(folder, '.claude'))).toBe(false);
  });

  it('refuses to install a program that has not been built', async () => {
    fs.unlinkSync(main);
    await expect(install()).rejects.toThrow('agentcol has to be built before it is installed');
  });
});

describe('agentcol hooks uninstall', () => {
  const uninstall = (dryRun: boolean, settings?: string) =>
    call({ action: 'uninstall', dryRun, scope: undefined, settings });

  it('takes out what install has added, and says so', async () => {
    const file = path.join(folder, 'own.json');
    fs.writeFileSync(file, '{ }');
    await install({ settings: file });
    expect(await uninstall(true, file)).toMatch(/^--- .*own\.json\n\+\+\+ .*own\.json\n@@ /);
    expect(await uninstall(false, file)).toMatch(/own\.json: agentcol removed; what was there is kept as /);
    expect(fs.readFileSync(file, 'utf8')).toBe('{ }');
    expect(await uninstall(false, file)).toBe(`${file}: agentcol is not installed\n`);
    expect(await uninstall(true, file)).toBe(`${file}: nothing to change\n`);
  });

  it('takes away the file that install has made', async () => {
    await install();
    expect(await uninstall(false)).toContain('agentcol removed, and with it the file, which held nothing else');
    expect(await uninstall(false)).toContain('agentcol is not installed');
  });
});

describe('agentcol hooks status', () => {
  it('tells of every scope where it is, what it names, and whether that is there', async () => {
    const database = path.join(folder, 'a.db');
    await install({ database });
    const project = path.join(folder, 'project', '.claude');
    fs.mkdirSync(project);
    fs.writeFileSync(path.join(project, 'settings.json'), '{"a": }');
    const found = { file: path.join(folder, '.claude', 'settings.json'), exists: true, missing: [], others: 0 };
    const programs = [
      {
        node: process.execPath,
        main,
        database,
        node_exists: true,
        main_exists: true,
        database_exists: true,
        capture_content: false,
      },
    ];
    expect(await status()).toMatchObject({
      scopes: [
        { scope: 'user', ...found, programs },
        {
          scope: 'project',
          exists: true,
          error: `${path.join(project, 'settings.json')}:1:7: not valid JSON: value expected`,
        },
        { scope: 'local', exists: false, error: null, programs: [] },
      ],
    });
    fs.unlinkSync(main);
    expect(await status({ scope: 'user' })).toMatchObject({ scopes: [{ programs: [{ main_exists: false }] }] });
    const text = await call({ action: 'status', scope: undefined, settings: undefined, json: false });
    expect(text.split('\n')).toEqual([
      `user: ${found.file}: agentcol is installed, every event`,
      `  node      ${process.execPath}`,
      `  agentcol  ${main} (gone)`,
      `  database  ${database}`,
      '  content   not stored',
      `project: ${path.join(project, 'settings.json')}:1:7: not valid JSON: value expected`,
      `local: ${path.join(project, 'settings.local.json')}: no such file`,
      '',
    ]);
  });

  it('tells whether content is stored, where that can be told', async () => {
    const database = path.join(folder, 'a.db');
    await install({ database, captureContent: true });
    const text = (): Promise<string> => call({ action: 'status', scope: 'user', settings: undefined, json: false });
    expect(await text()).toContain('\n  content   stored: prompts, inputs and outputs\n');
    fs.writeFileSync(database, 'no database, but longer than the header of one, which has 100 bytes. '.repeat(9));
    expect(await text()).not.toContain('content');
    expect(await status({ scope: 'user' })).toMatchObject({ scopes: [{ programs: [{ capture_content: null }] }] });
    fs.unlinkSync(database);
    expect(await text()).not.toContain('content');
    expect(fs.existsSync(database)).toBe(false);
  });

  it('tells what is incomplete: events that are missing, come twice, or only in part', async () => {
    const entry = { type: 'command', command: 'agentcol hook' };
    const file = path.join(folder, 'own.json');
    const groups = { Stop: [{ hooks: [entry, entry] }], PreToolUse: [{ matcher: 'Bash', hooks: [entry] }] };
    fs.writeFileSync(file, JSON.stringify({ disableAllHooks: true, hooks: groups }));
    const text = await call({ action: 'status', scope: undefined, settings: file, json: false });
    expect(text).toContain('agentcol is installed, no SessionStart, UserPromptSubmit, PermissionRequest, ');
    expect(text).toContain('\n  disableAllHooks is true: no hook runs\n  twice: Stop\n  only some of: PreToolUse\n');
    fs.writeFileSync(file, '{}');
    expect(await call({ action: 'status', scope: undefined, settings: file, json: false })).toBe(
      `named: ${file}: agentcol is not installed\n`,
    );
  });

  it('in the home folder, where the project is the home, names its settings once', async () => {
    vi.spyOn(process, 'cwd').mockReturnValue(folder);
    expect(await status()).toMatchObject({ scopes: [{ scope: 'user' }, { scope: 'local' }] });
  });
});
