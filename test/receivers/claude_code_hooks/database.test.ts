import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { APPLICATION_ID, openHookDatabase, SCHEMA_VERSION } from '../../../receivers/claude_code_hooks/database.ts';
import { prepareHookDatabase } from '../../../receivers/claude_code_hooks/prepare.ts';
import { migrations } from '../../../receivers/claude_code_hooks/schema.ts';
import { HOOK_SETTINGS, hookDigest, hookSettings } from '../../../receivers/claude_code_hooks/settings.ts';
import { createAgentWorkflow } from '../../fixtures/agent-workflow.ts';
import { Workspace } from '../../main-job/harness.ts';

/** Tables, their columns in any order, and indexes with their SQL. */
function schemaOf(db: Database.Database): unknown {
  const tables = db.prepare<[], string>(`SELECT name FROM sqlite_schema WHERE type = 'table'`).pluck().all();
  const columns = db.prepare<[string], string>('SELECT name FROM pragma_table_info(?) ORDER BY name').pluck();
  const others = db.prepare(
    `SELECT type, name, sql FROM sqlite_schema WHERE type <> 'table' AND sql IS NOT NULL ORDER BY name`,
  );
  return { tables: tables.sort().map((name) => [name, columns.all(name)]), others: others.all() };
}

function reasonOf(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    if (error instanceof Error && 'reason' in error) return error.reason;
    throw error;
  }
  return undefined;
}

describe('a database that is missing', () => {
  it('is told from one that is ready', () => {
    using workspace = new Workspace();
    expect(openHookDatabase(workspace.file('agents.db'))).toBeUndefined();
    prepareHookDatabase(workspace.file('agents.db')).close();
    const db = openHookDatabase(workspace.file('agents.db'));
    expect(db?.open).toBe(true);
    db?.close();
  });

  it('is created in folders of 0700 as a file of 0600, whatever the umask, in WAL mode, with space to be given back', () => {
    using workspace = new Workspace();
    const file = workspace.file('new', 'deep', 'agents.db');
    const umask = process.umask(0);
    try {
      const db = prepareHookDatabase(file);
      db.prepare(`INSERT INTO refusals VALUES ('x', 1, NULL)`).run();
      const pragmas = ['journal_mode', 'auto_vacuum', 'user_version', 'application_id'];
      const values = pragmas.map((name) => db.pragma(name, { simple: true }));
      expect(values).toEqual(['wal', 2, migrations.length, APPLICATION_ID]);
      for (const name of ['agents.db', 'agents.db-wal', 'agents.db-shm']) {
        expect(fs.statSync(workspace.file('new', 'deep', name)).mode & 0o777).toBe(0o600);
      }
      expect(fs.statSync(workspace.file('new')).mode & 0o777).toBe(0o700);
      expect(fs.statSync(workspace.file('new', 'deep')).mode & 0o777).toBe(0o700);
      db.close();
    } finally {
      process.umask(umask);
    }
  });

  it('leaves the mode of a folder that is there alone', () => {
    using workspace = new Workspace();
    fs.mkdirSync(workspace.file('logs'), { mode: 0o755 });
    prepareHookDatabase(workspace.file('logs', 'agents.db')).close();
    expect(fs.statSync(workspace.file('logs')).mode & 0o777).toBe(0o755);
  });

  it('has a digest key of its own', () => {
    using workspace = new Workspace();
    const [one, other] = ['one.db', 'other.db'].map((name) => prepareHookDatabase(workspace.file(name)));
    const again = openHookDatabase(workspace.file('one.db'));
    expect(hookDigest(one!)('ls')).toMatch(/^[\w-]{22}$/);
    expect(hookDigest(again!)('ls')).toBe(hookDigest(one!)('ls'));
    expect(hookDigest(other!)('ls')).not.toBe(hookDigest(one!)('ls'));
    for (const db of [one, other, again]) db?.close();
  });
});

it.skipIf(process.platform !== 'linux')('is not tried for ever where the system makes no folders', () => {
  expect(() => prepareHookDatabase('/proc/nope/agents.db')).toThrow('ENOENT');
});

it('is given no memory that was freed to hold: 2 is FAST, zeroes wherever a page is written anyhow', () => {
  using workspace = new Workspace();
  const db = prepareHookDatabase(workspace.file('agents.db'));
  expect(db.pragma('secure_delete', { simple: true })).toBe(2);
  db.close();
});

describe('a database that must not be written to', () => {
  it.each<[string, string, (file: string) => void]>([
    ['not_a_file', 'a folder', (file) => fs.mkdirSync(file)],
    [
      'foreign_database',
      'one of another program, by its tables',
      (file) => create(file, 'CREATE TABLE bookmarks (url)'),
    ],
    ['foreign_database', 'one of another program, by its id', (file) => create(file, 'PRAGMA application_id = 7')],
    ['foreign_database', 'one of another program, by its version', (file) => create(file, 'PRAGMA user_version = 1')],
    [
      'newer_version',
      'one of a newer agentcol',
      (file) => create(file, `PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION + 1}`),
    ],
  ])('is refused as %s: %s', (reason, _, make) => {
    using workspace = new Workspace();
    const file = workspace.file('agents.db');
    make(file);
    const before = fs.statSync(file).isFile() ? fs.readFileSync(file) : undefined;
    expect(reasonOf(() => prepareHookDatabase(file))).toBe(reason);
    expect([undefined, reason]).toContain(reasonOf(() => openHookDatabase(file)));
    if (before !== undefined) expect(fs.readFileSync(file)).toEqual(before);
    expect(fs.readdirSync(workspace.folder)).toEqual(['agents.db']);
  });

  it.runIf(process.geteuid?.() === 0)('is one of another user: files beside it would not be theirs', () => {
    using workspace = new Workspace();
    const file = workspace.file('agents.db');
    prepareHookDatabase(file).close();
    fs.chownSync(file, 65_534, 65_534);
    expect(reasonOf(() => openHookDatabase(file))).toBe('foreign_owner');
  });

  it('is one that is no database: SQLite says so', () => {
    using workspace = new Workspace();
    fs.writeFileSync(workspace.file('agents.db'), 'no database at all, but long enough to be looked at'.repeat(100));
    expect(() => prepareHookDatabase(workspace.file('agents.db'))).toThrow('file is not a database');
  });
});

describe('a database of an older agentcol', () => {
  it('gets what it lacks when it is prepared, and keeps its rows and its key', () => {
    using workspace = new Workspace();
    const file = workspace.file('agents.db');
    const fresh = prepareHookDatabase(workspace.file('fresh.db'));
    const old = new Database(file);
    old.exec(migrations[0]!);
    old.pragma(`application_id = ${APPLICATION_ID}`);
    old.pragma('user_version = 1');
    old.exec(`INSERT INTO settings VALUES ('digest_key', x'01'); INSERT INTO sessions(session_id) VALUES ('s-1')`);
    old.close();
    expect(openHookDatabase(file)).toBeUndefined();
    const db = prepareHookDatabase(file);
    const schema = 'SELECT type, name, sql FROM sqlite_schema ORDER BY name';
    expect(db.prepare(schema).all()).toEqual(fresh.prepare(schema).all());
    expect(db.pragma('user_version', { simple: true })).toBe(SCHEMA_VERSION);
    expect(db.prepare('SELECT session_id FROM sessions').pluck().all()).toEqual(['s-1']);
    expect(db.prepare('SELECT name, hex(value) AS value FROM settings').all()).toEqual([
      { name: 'digest_key', value: '01' },
    ]);
    for (const each of [db, fresh]) each.close();
  });
});

function create(file: string, sql: string): void {
  const db = new Database(file);
  db.exec(sql);
  db.exec('CREATE TABLE IF NOT EXISTS bookmarks (url)');
  db.close();
}

describe.each(['delete', 'wal'] as const)('a database of the older logger in %s mode', (journalMode) => {
  const variants = [{}, { sessionContext: false }, { toolUses: false }];

  it.each(variants)('gets all that a fresh one has (%o)', (variant) => {
    using workspace = new Workspace();
    createAgentWorkflow(workspace.file('old.db'), { journalMode, ...variant }).close();
    const adopted = prepareHookDatabase(workspace.file('old.db'));
    const fresh = prepareHookDatabase(workspace.file('new.db'));
    const ours = schemaOf(fresh) as { tables: [string, string[]][]; others: unknown[] };
    const theirs = schemaOf(adopted) as typeof ours;
    for (const [table, columns] of ours.tables) {
      const found = theirs.tables.find(([name]) => name === table);
      expect(found?.[1]).toEqual(expect.arrayContaining(columns));
    }
    expect(theirs.others).toEqual(expect.arrayContaining(ours.others));
    expect(adopted.pragma('journal_mode', { simple: true })).toBe('wal');
    expect(hookSettings(adopted)).toEqual(hookSettings(fresh));
    adopted.close();
    fresh.close();
  });

  it('keeps its rows and their ids, and a copy as it was, all private', () => {
    using workspace = new Workspace();
    const file = workspace.file('old.db');
    const old = createAgentWorkflow(file, { journalMode });
    old.exec(`
      INSERT INTO sessions (session_id, start_time) VALUES ('a', '1'), ('b', '2'), ('c', '3');
      DELETE FROM sessions WHERE session_id = 'b';
      INSERT INTO agent_invocations (id, session_id, agent_name) VALUES (7, 'a', 'planner'), (9, 'c', 'coder');
      INSERT INTO agent_tool_uses (id, session_id, tool_name) VALUES (3, 'a', 'Read');`);
    const rows = (db: Database.Database) => [
      db.prepare('SELECT rowid, session_id, start_time FROM sessions ORDER BY rowid').all(),
      db.prepare('SELECT rowid, session_id, agent_name FROM agent_invocations ORDER BY rowid').all(),
      db.prepare('SELECT rowid, session_id, tool_name FROM agent_tool_uses ORDER BY rowid').all(),
      db.prepare('SELECT name, seq FROM sqlite_sequence ORDER BY name').all(),
    ];
    const before = rows(old);
    const schemaBefore = schemaOf(old);
    old.close();
    fs.chmodSync(file, 0o644);

    const adopted = prepareHookDatabase(file);
    expect(rows(adopted)).toEqual(before);
    adopted.close();
    expect(openHookDatabase(file)?.close().open).toBe(false);
    const [copy, ...more] = fs
      .readdirSync(workspace.folder)
      .filter((name) => name.startsWith('old.db.before-agentcol-'));
    expect(more).toEqual([]);
    const kept = new Database(workspace.file(copy!), { readonly: true });
    expect([rows(kept), schemaOf(kept)]).toEqual([before, schemaBefore]);
    kept.close();
    for (const name of ['old.db', copy!]) expect(fs.statSync(workspace.file(name)).mode & 0o777).toBe(0o600);
  });

  it('is not ready before', () => {
    using workspace = new Workspace();
    createAgentWorkflow(workspace.file('old.db'), { journalMode }).close();
    expect(openHookDatabase(workspace.file('old.db'))).toBeUndefined();
  });

  it('is adopted once: a second time changes nothing and copies nothing', () => {
    using workspace = new Workspace();
    createAgentWorkflow(workspace.file('old.db'), { journalMode }).close();
    prepareHookDatabase(workspace.file('old.db')).close();
    const files = fs.readdirSync(workspace.folder);
    prepareHookDatabase(workspace.file('old.db')).close();
    expect(fs.readdirSync(workspace.folder)).toEqual(files);
  });
});

describe('the README', () => {
  const text = fs.readFileSync(
    path.join(import.meta.dirname, '../../../receivers/claude_code_hooks/README.md'),
    'utf8',
  );

  it.each([...text.matchAll(/-- (idx_\w+): .*\n +(SELECT .*);/g)].map(([, index, sql]) => [index!, sql!]))(
    'is right about the query that uses %s',
    (index, sql) => {
      using workspace = new Workspace();
      const db = prepareHookDatabase(workspace.file('agents.db'));
      const plan = db.prepare<[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`).all();
      expect(plan.map(({ detail }) => detail).join()).toContain(` ${index} `);
      db.close();
    },
  );

  it('names every index of the tables that grow with each event', () => {
    using workspace = new Workspace();
    const db = prepareHookDatabase(workspace.file('agents.db'));
    const sql = `SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL
      AND tbl_name IN ('agent_invocations', 'agent_tool_uses', 'sessions') ORDER BY name`;
    const named = [...text.matchAll(/-- (idx_\w+): /g)].map(([, index]) => index);
    expect(named.sort()).toEqual(db.prepare(sql).pluck().all());
    db.close();
  });

  it('names every setting and its default', () => {
    const rows = [...text.matchAll(/^\| `(\w+)` +\| (\d+) +\|/gm)].map(([, name, value]) => [name, Number(value)]);
    expect(Object.fromEntries(rows)).toEqual({ ...HOOK_SETTINGS, capture_content: 0 });
  });
});
