import fs from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { Clock, Collector, NOON, Workspace } from '../../main-job/harness.ts';

/** Sessions of another agent: text keys, totals updated in place, epoch seconds. */
function openSessions(file: string): Database.Database {
  const database = new Database(file);
  database.exec(
    'CREATE TABLE chats (id TEXT PRIMARY KEY, model TEXT, cost REAL NOT NULL, started INTEGER, ended INTEGER)',
  );
  return database;
}

const CHATS = {
  preset: [],
  tables: {
    chats: {
      identity: ['id', 'started'],
      key: 'id',
      started_at: 'started',
      complete_when: 'ended IS NOT NULL',
      open_timeout: '90d',
      attributes: { model: 'model' },
      metrics: [
        { name: 'chat.cost', type: 'counter', of: 'open', value: 'cost', unit: '{usd}' },
        { name: 'chat.open', type: 'updowncounter', of: 'open', value: 'cost' },
        { name: 'chat.count', type: 'counter', of: 'all', attributes: [] },
      ],
    },
  },
};

const START = NOON / 1000 - 60;

describe('running totals that are updated in place', () => {
  it('add the growth since the row was last seen, and a fall only lowers the base', async () => {
    using workspace = new Workspace();
    const database = openSessions(workspace.file('chats.db'));
    database.exec(`INSERT INTO chats VALUES ('a', 'big', 0.1, ${START}, NULL), ('b', 'big', 0.2, ${START}, NULL)`);
    await using collector = await Collector.start(workspace.file('chats.db'), { receiver: CHATS });
    await collector.shows('chat_cost_total{model="big"}', 0.1 + 0.2);
    database.exec(`UPDATE chats SET cost = 1.5 WHERE id = 'a'`);
    await collector.shows('chat_cost_total{model="big"}', 1.7);
    database.exec(`UPDATE chats SET cost = 0.5 WHERE id = 'a'`);
    await collector.shows('chat_open{model="big"}', 0.7);
    expect(collector.samples().get('chat_cost_total{model="big"}')).toBe(1.7);
    database.exec(`UPDATE chats SET cost = 0.75 WHERE id = 'a'`);
    await collector.shows('chat_cost_total{model="big"}', 1.95);
    database.close();
  });

  it('take the last growth when the row is completed, and nothing afterwards', async () => {
    using workspace = new Workspace();
    const database = openSessions(workspace.file('chats.db'));
    database.exec(`INSERT INTO chats VALUES ('a', 'big', 1, ${START}, NULL)`);
    await using collector = await Collector.start(workspace.file('chats.db'), { receiver: CHATS });
    database.exec(`UPDATE chats SET cost = 4, ended = ${START + 1}`);
    await collector.shows('chat_cost_total{model="big"}', 4);
    await collector.shows('chat_open{model="big"}', 0);
    database.exec(`UPDATE chats SET cost = 40; INSERT INTO chats VALUES ('b', 'big', 2, ${START}, ${START + 1})`);
    await collector.shows('chat_cost_total{model="big"}', 6);
    expect(collector.samples().get('chat_count_total')).toBe(2);
    database.close();
  });

  it('keep their base when the row is replaced, and across a restart', async () => {
    using workspace = new Workspace();
    const database = openSessions(workspace.file('chats.db'));
    database.exec(`INSERT INTO chats VALUES ('a', 'big', 5, ${START}, NULL)`);
    const options = { receiver: CHATS, storage: workspace.file('state'), clock: new Clock() };
    const before = await Collector.start(workspace.file('chats.db'), options);
    await before.shows('chat_cost_total{model="big"}', 5);
    database.exec(`INSERT OR REPLACE INTO chats VALUES ('a', 'big', 6, ${START}, NULL)`);
    await before.shows('chat_cost_total{model="big"}', 6);
    await before.stop();
    database.exec(`INSERT OR REPLACE INTO chats VALUES ('a', 'big', 9, ${START}, NULL)`);
    await using collector = await Collector.start(workspace.file('chats.db'), options);
    await collector.shows('chat_cost_total{model="big"}', 9);
    await collector.shows('chat_open{model="big"}', 9);
    expect(collector.samples().get('chat_count_total')).toBe(1);
    database.close();
  });

  it('keep their bases when the metrics of the table are put in another order, or some are left out', async () => {
    using workspace = new Workspace();
    const database = openSessions(workspace.file('chats.db'));
    database.exec(`INSERT INTO chats VALUES ('a', 'big', 5, ${START}, NULL)`);
    const { metrics, ...table } = CHATS.tables.chats;
    const twice = { name: 'chat.twice', type: 'counter', of: 'open', value: '2 * cost' };
    for (const list of [[...metrics, twice], [twice, ...metrics], metrics, [twice, ...metrics], [twice, ...metrics]]) {
      const receiver = { preset: [], tables: { chats: { ...table, metrics: list } } };
      await using collector = await Collector.start(workspace.file('chats.db'), {
        receiver,
        storage: workspace.file('state'),
      });
      const cost = database.prepare<[], number>('SELECT cost FROM chats').pluck().get()!;
      await collector.shows('chat_cost_total{model="big"}', cost);
      database.exec('UPDATE chats SET cost = cost + 1');
      await collector.shows('chat_cost_total{model="big"}', cost + 1);
      if (list.includes(twice)) await collector.shows('chat_twice_total{model="big"}', 2 * (cost + 1));
    }
    database.close();
  });

  it('are exactly zero when no row is open, whatever reals were added and taken back', async () => {
    using workspace = new Workspace();
    const database = openSessions(workspace.file('chats.db'));
    for (const [index, cost] of [0.1, 0.2, 0.3, 1e-9, 1e9].entries()) {
      database.prepare(`INSERT INTO chats VALUES (?, 'm', ?, ${START}, NULL)`).run(`c${index}`, cost);
    }
    await using collector = await Collector.start(workspace.file('chats.db'), { receiver: CHATS });
    for (const index of [2, 0, 4, 1, 3]) {
      database.prepare(`UPDATE chats SET ended = ${START} WHERE id = ?`).run(`c${index}`);
    }
    await collector.shows('chat_open{model="m"}', 0);
    database.close();
  });
});

describe('one evaluation per element of an array', () => {
  const EACH = {
    preset: [],
    tables: {
      messages: {
        each: 'parts',
        attributes: { kind: "json_extract(each, '$.kind')", role: 'role' },
        metrics: [
          { name: 'message.parts', type: 'counter' },
          { name: 'message.size', type: 'counter', value: "json_extract(each, '$.size')", attributes: ['role'] },
        ],
      },
    },
  };

  it('counts each element, none of what is no array, and skips broken JSON', async () => {
    using workspace = new Workspace();
    const file = workspace.file('messages.db');
    const database = new Database(file);
    // Columns named as those of json_each() must not be confused with them.
    database.exec('CREATE TABLE messages (id INTEGER PRIMARY KEY, key TEXT, value TEXT, role TEXT, parts TEXT)');
    const insert = database.prepare('INSERT INTO messages (key, value, role, parts) VALUES (1, 2, ?, ?)');
    insert.run('user', '[{"kind":"text","size":3},{"kind":"text","size":4},{"kind":"call"}]');
    insert.run('user', '[]');
    insert.run('user', '{"kind":"text"}');
    insert.run('tool', '[{"kind":"result","size":0.5}');
    insert.run('tool', null);
    insert.run('tool', '[{"kind":"result","size":0.5}]');
    await using collector = await Collector.start(file, { receiver: EACH });
    expect(Object.fromEntries(collector.samples())).toEqual({
      'message_parts_total{kind="text",role="user"}': 2,
      'message_parts_total{kind="call",role="user"}': 1,
      'message_parts_total{kind="result",role="tool"}': 1,
      'message_size_total{role="user"}': 7,
      'message_size_total{role="tool"}': 0.5,
    });
    insert.run('user', '[{"kind":"text","size":10}]');
    await collector.shows('message_size_total{role="user"}', 17);
    database.close();
  });
});

describe('several databases of one receiver', () => {
  it('combine, and the expression :database tells them apart where wanted', async () => {
    using workspace = new Workspace();
    for (const [name, rows] of [
      ['one.db', 2],
      ['two.db', 3],
    ] as const) {
      const database = new Database(workspace.file(name));
      database.exec('CREATE TABLE jobs (id INTEGER PRIMARY KEY)');
      for (let row = 0; row < rows; row += 1) database.exec('INSERT INTO jobs DEFAULT VALUES');
      database.close();
    }
    const receiver = {
      preset: [],
      tables: {
        jobs: {
          attributes: { file: ':database' },
          metrics: [
            { name: 'jobs', type: 'counter', attributes: [] },
            { name: 'jobs.by_file', type: 'counter' },
          ],
        },
      },
    };
    const clock = new Clock();
    await using collector = await Collector.start(workspace.file('*.db'), { receiver, clock });
    expect(Object.fromEntries(collector.samples())).toEqual({
      jobs_total: 5,
      'jobs_by_file_total{file="one.db"}': 2,
      'jobs_by_file_total{file="two.db"}': 3,
    });
    fs.copyFileSync(workspace.file('two.db'), workspace.file('three.db'));
    clock.advance(15_000);
    await collector.shows('jobs_total', 8);
    expect(collector.samples().get('jobs_by_file_total{file="three.db"}')).toBe(3);
  });
});

describe('whole numbers beyond those of a double', () => {
  it('are told apart as keys, as identities and as distinct values', async () => {
    using workspace = new Workspace();
    const file = workspace.file('events.db');
    const database = new Database(file);
    database.exec(`CREATE TABLE events (id INTEGER PRIMARY KEY, snowflake INTEGER);
      INSERT INTO events (snowflake) VALUES (1234567890123456789), (1234567890123456790), (1234567890123456791)`);
    const receiver = {
      preset: [],
      tables: { events: { key: 'snowflake', identity: ['snowflake'], metrics: [{ name: 'events', type: 'counter' }] } },
      distinct: { snowflakes: { of: ['events.snowflake'] } },
    };
    await using collector = await Collector.start(file, { receiver });
    expect(Object.fromEntries(collector.samples())).toEqual({ events_total: 3, snowflakes_total: 3 });
    database.exec('INSERT INTO events (snowflake) VALUES (1234567890123456791), (1234567890123456792)');
    await collector.shows('events_total', 4);
    await collector.shows('snowflakes_total', 4);
    database.close();
  });
});

describe('an optional table', () => {
  it('that is dropped takes its open rows with it', async () => {
    using workspace = new Workspace();
    const file = workspace.file('jobs.db');
    const database = new Database(file);
    const create = 'CREATE TABLE jobs (id INTEGER PRIMARY KEY, name TEXT, done INTEGER)';
    database.exec(`${create}; INSERT INTO jobs (name, done) VALUES ('a', 0), ('b', 0)`);
    const metrics = [{ name: 'jobs.open', type: 'updowncounter', of: 'open' }];
    const receiver = {
      preset: [],
      tables: { jobs: { optional: true, identity: ['name'], complete_when: 'done', metrics } },
    };
    await using collector = await Collector.start(file, { receiver });
    await collector.shows('jobs_open', 2);
    database.exec('DROP TABLE jobs');
    await collector.shows('jobs_open', 0);
    database.exec(`${create}; INSERT INTO jobs (name, done) VALUES ('c', 0)`);
    await collector.shows('jobs_open', 1);
    database.close();
  });
});

describe('a query', () => {
  it('shows what is there now, and a series that is missing from the next result is gone', async () => {
    using workspace = new Workspace();
    const file = workspace.file('jobs.db');
    const database = new Database(file);
    database.exec(`CREATE TABLE jobs (state TEXT); INSERT INTO jobs VALUES ('waiting'), ('waiting'), ('running')`);
    const receiver = {
      preset: [],
      queries: {
        states: {
          sql: 'SELECT state, count(*) AS n FROM jobs GROUP BY state -- a comment',
          interval: '100ms',
          attributes: { state: 'state' },
          metrics: [{ name: 'jobs', type: 'gauge', value: 'n' }],
        },
      },
    };
    const clock = new Clock();
    await using collector = await Collector.start(file, { receiver, clock });
    expect(Object.fromEntries(collector.samples())).toEqual({ 'jobs{state="waiting"}': 2, 'jobs{state="running"}': 1 });
    database.exec(`DELETE FROM jobs WHERE state = 'running'; INSERT INTO jobs VALUES ('waiting')`);
    clock.advance(60_000);
    await collector.shows('jobs{state="waiting"}', 3);
    expect([...collector.samples().keys()]).toEqual(['jobs{state="waiting"}']);
    database.close();
  });
});
