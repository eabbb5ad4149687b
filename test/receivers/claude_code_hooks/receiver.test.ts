import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, describe, expect, test } from 'vitest';
import { HookStore } from '../../../receivers/claude_code_hooks/store.ts';
import { HOOK_SETTINGS, hookSettings } from '../../../receivers/claude_code_hooks/settings.ts';
import { ConfigError } from '../../../src/errors.ts';
import { componentSuite, filledConfig } from '../../component-suite.ts';
import { CALL, hooksReceiver, Listening, START } from './listening.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol-hooks-suite-'));
afterAll(() => {
  fs.rmSync(folder, { recursive: true });
});

componentSuite(hooksReceiver, {
  config: { endpoint: '127.0.0.1:0', database: path.join(folder, 'agents.db') },
  settings: {
    storage: () => ({ directory: folder, secret: () => Buffer.alloc(32), reclaim: () => undefined }),
  },
});

describe('an event', () => {
  test('is stored before it is answered, by 200 and nothing that an agent could take for instructions', async () => {
    await using hooks = await new Listening().start();
    const answer = await hooks.tell(START);
    expect(answer).toMatchObject({ status: 200, body: '' });
    expect(hooks.rows('SELECT session_id, start_time, stored_by FROM sessions')).toEqual([
      { session_id: 's1', start_time: '2026-01-01T00:00:00.000Z', stored_by: 'agentcol' },
    ]);
  });

  test('has the time at which it came', async () => {
    await using hooks = await new Listening().start();
    hooks.nowMs += 1_234;
    await hooks.tell(CALL);
    expect(hooks.rows('SELECT start_time FROM agent_tool_uses')).toEqual([{ start_time: '2026-01-01T00:00:01.234Z' }]);
  });

  test('may be sent in pieces, and with a character set', async () => {
    await using hooks = await new Listening().start();
    const pieces = JSON.stringify(CALL).split('"');
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        pieces.forEach((piece, index) => controller.enqueue(Buffer.from((index === 0 ? '' : '"') + piece)));
        controller.close();
      },
    });
    expect((await hooks.post(stream, { 'content-type': 'Application/JSON; charset=utf-8' })).status).toBe(200);
    expect(hooks.rows('SELECT tool_name FROM agent_tool_uses')).toEqual([{ tool_name: 'Bash' }]);
  });

  test('that is heard twice is stored once', async () => {
    await using hooks = await new Listening().start();
    await Promise.all([hooks.tell(CALL), hooks.tell(CALL)]);
    expect(hooks.rows('SELECT tool_use_id FROM agent_tool_uses')).toEqual([{ tool_use_id: 'toolu_1' }]);
  });

  test('keeps its content to itself, unless that is asked for', async () => {
    await using hooks = await new Listening().start();
    await hooks.tell(CALL);
    expect(hooks.rows('SELECT tool_input FROM agent_tool_uses')).toEqual([{ tool_input: null }]);
    await using open = await new Listening().start({ capture_content: true });
    await open.tell(CALL);
    expect(open.rows('SELECT tool_input FROM agent_tool_uses')).toEqual([{ tool_input: '{"command":"a canary"}' }]);
  });
});

describe('what is no event', () => {
  const secret = 'secret-canary';
  const deep = '['.repeat(70) + ']'.repeat(70);

  test.each([
    ['no JSON', `{"${secret}`, 'not_json', 'not a JSON text'],
    ['nothing', '', 'not_json', 'not a JSON text'],
    ['of no session', `{"hook_event_name": "Stop", "x": "${secret}"}`, 'invalid', 'session_id is missing'],
    ['of another agent', `{"hookEventName": "${secret}"}`, 'foreign_dialect', 'the event of another agent'],
    ['too deep', `{"session_id": "${secret}", "x": ${deep}}`, 'too_deep', 'more than 64 levels'],
  ])('%s is refused with a reason, counted and logged', async (_what, text, reason, detail) => {
    await using hooks = await new Listening().start();
    const answer = await hooks.post(text);
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(JSON.parse(answer.body)).toEqual({ error: reason, detail });
    expect(hooks.rows('SELECT reason, count FROM refusals')).toEqual([{ reason, count: 1 }]);
    const log = fs.readFileSync(path.join(path.dirname(hooks.database), 'agentcol-hook.log'), 'utf8');
    expect(JSON.parse(log)).toMatchObject({ reason, bytes: text.length });
    expect(answer.body + log + hooks.logged.join('\n')).not.toContain(secret);
  });

  test.each([
    ['announced', (text: string) => text],
    ['not announced', (text: string) => new Blob([text]).stream()],
  ])('too long, %s, is not read to its end', async (_how, bodyOf) => {
    await using hooks = await new Listening().start({ max_input_bytes: 2_048 });
    const answer = await hooks.post(bodyOf(JSON.stringify({ ...CALL, x: 'x'.repeat(4_096) })));
    expect(answer).toMatchObject({ status: 413, body: '{"error":"too_large","detail":"more than 2048 bytes"}\n' });
    expect(answer.headers.get('connection')).toBe('close');
    expect(hooks.rows('SELECT reason, count FROM refusals')).toEqual([{ reason: 'too_large', count: 1 }]);
  });

  test.each([
    [{ 'content-type': 'text/plain' }],
    [{ 'content-type': 'application/jsonp' }],
    [{ 'content-type': 'application/x-www-form-urlencoded' }],
    [{ 'content-encoding': 'gzip' }],
  ])('with %j is not read', async (headers) => {
    await using hooks = await new Listening().start();
    const answer = await hooks.post(JSON.stringify(CALL), headers);
    expect(answer).toMatchObject({ status: 415, body: '{"error":"unsupported_media_type"}\n' });
    expect(hooks.rows('SELECT * FROM agent_tool_uses')).toEqual([]);
  });

  test('of another path or method is told so', async () => {
    await using hooks = await new Listening().start();
    const headers = { authorization: `Bearer ${hooks.token}` };
    expect((await hooks.ask('/', { headers })).status).toBe(404);
    const answer = await hooks.ask('/hooks', { headers });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
  });

  test('cut off in the middle stores nothing, and the next is heard', async () => {
    await using hooks = await new Listening().start();
    const text = JSON.stringify(CALL);
    await new Promise<void>((resolve) => {
      const request = http.request(hooks.url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'content-length': text.length,
          authorization: `Bearer ${hooks.token}`,
        },
      });
      request.on('error', () => resolve());
      request.write(text.slice(0, 20), () => request.destroy(new Error('gone')));
    });
    expect((await hooks.tell(START)).status).toBe(200);
    expect(hooks.rows('SELECT * FROM agent_tool_uses')).toEqual([]);
    expect(hooks.rows('SELECT * FROM refusals')).toEqual([]);
  });
});

describe('who may tell', () => {
  test('is who shows the token of the storage', async () => {
    await using hooks = await new Listening().start();
    expect((await hooks.post('{}', { authorization: `bearer ${hooks.token}` })).status).toBe(400);
    for (const authorization of ['', 'Bearer', `Basic ${hooks.token}`, `Bearer ${hooks.token}x`]) {
      const answer = await hooks.post(JSON.stringify(CALL), { authorization });
      expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="agentcol"']);
      expect(answer.body).toBe('{"error":"unauthorized"}\n');
    }
    expect(hooks.rows('SELECT * FROM agent_tool_uses')).toEqual([]);
  });

  test('is who satisfies the authenticator that is named, and then there is no token', async () => {
    await using hooks = new Listening();
    const authenticator = {
      challenge: 'Basic',
      authenticate: (shown: string) => shown === 'Basic good',
      recognizes: () => false,
    };
    await hooks.start({ auth: { authenticator: 'basicauth' } }, { authenticator: () => authenticator });
    const post = (authorization: string) =>
      hooks.ask('/hooks', {
        method: 'POST',
        body: JSON.stringify(CALL),
        headers: { 'content-type': 'application/json', authorization },
      });
    expect((await post('Basic bad')).status).toBe(401);
    expect((await post('Basic good')).status).toBe(200);
    expect(fs.existsSync(path.join(hooks.folder, 'hooks.token'))).toBe(false);
  });

  test('is nobody where there is neither a storage nor an authenticator', async () => {
    await using hooks = new Listening();
    await expect(hooks.create({}, { storage: () => undefined })).rejects.toThrow(ConfigError);
  });

  test('is not told the token by any message', async () => {
    await using hooks = await new Listening().start();
    expect(hooks.logged.join('\n')).toContain(path.join(hooks.folder, 'hooks.token'));
    expect(hooks.logged.join('\n')).not.toContain(hooks.token);
  });

  test('needs TLS from other machines', async () => {
    const problems = await hooksReceiver.check?.(
      filledConfig(hooksReceiver, { endpoint: '0.0.0.0:9468', database: '/d/a.db' }),
    );
    expect(problems?.map(({ path, message }) => [path, message])).toEqual([
      [['endpoint'], expect.stringContaining('which has no TLS')],
    ]);
  });
});

describe('the database', () => {
  test('is made, private, with the settings that the command goes by', async () => {
    await using hooks = await new Listening().start({ max_depth: 12, max_stored_text_bytes: 5, capture_content: true });
    expect(fs.statSync(hooks.database).mode & 0o777).toBe(0o600);
    const db = new Database(hooks.database, { readonly: true });
    const written = hookSettings(db);
    db.close();
    expect(written).toEqual({ ...HOOK_SETTINGS, max_depth: 12, max_stored_text_bytes: 5, capture_content: true });
  });

  test('that is deleted while it is written to is made anew', async () => {
    await using hooks = await new Listening().start();
    await hooks.tell(START);
    for (const suffix of ['', '-wal', '-shm']) fs.rmSync(hooks.database + suffix, { force: true });
    await hooks.tell(CALL);
    expect(hooks.rows('SELECT tool_name FROM agent_tool_uses')).toEqual([{ tool_name: 'Bash' }]);
    expect(hooks.rows('SELECT start_source FROM sessions WHERE start_source IS NOT NULL')).toEqual([]);
  });

  test('of another program keeps the collector from starting', async () => {
    await using hooks = new Listening();
    fs.mkdirSync(path.dirname(hooks.database));
    new Database(hooks.database).exec('CREATE TABLE recipes(name)').close();
    await expect(hooks.start()).rejects.toMatchObject({
      problems: [{ path: ['database'], message: expect.stringContaining('a database of another program') as string }],
    });
  });

  test('that another program has put in its place gets no event', async () => {
    await using hooks = await new Listening().start();
    for (const suffix of ['', '-wal', '-shm']) fs.rmSync(hooks.database + suffix, { force: true });
    new Database(hooks.database).exec('CREATE TABLE recipes(name)').close();
    const answer = await hooks.tell(CALL);
    expect([answer.status, answer.body]).toEqual([503, '{"error":"foreign_database"}\n']);
    expect(hooks.rows('SELECT name FROM sqlite_schema')).toEqual([{ name: 'recipes' }]);
    fs.rmSync(hooks.database);
    expect((await hooks.tell(CALL)).status).toBe(200);
  });

  test('whose folder cannot be written to is tried again at each event', async () => {
    await using hooks = new Listening();
    fs.writeFileSync(path.join(hooks.folder, 'data'), 'a file');
    await hooks.start();
    const answer = await hooks.tell(CALL);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    fs.rmSync(path.join(hooks.folder, 'data'));
    expect((await hooks.tell(CALL)).status).toBe(200);
  });

  // Without it, a program with an SQLite before 3.51 that ends takes the log away, and what is written to it afterwards.
  test.runIf(process.platform === 'linux')(
    'stays locked as one in use, whatever the tail does to read it',
    async () => {
      await using hooks = new Listening();
      const receiver = await hooks.create();
      await receiver.start();
      const { ino } = fs.statSync(hooks.database);
      const own = new RegExp(`READ +${process.pid} [0-9a-f:]+:${ino} 1073741826 `);
      for (const event of [START, CALL]) {
        await hooks.tell(event);
        receiver.poll();
        expect(fs.readFileSync('/proc/locks', 'utf8')).toMatch(own);
        const other = new Database(hooks.database);
        other.pragma('wal_checkpoint(TRUNCATE)');
        other.close();
        receiver.poll();
        expect(fs.readFileSync('/proc/locks', 'utf8')).toMatch(own);
      }
    },
  );
});

describe('a locked database', () => {
  test('holds nothing else up, and the event is stored when it is free', async () => {
    await using hooks = await new Listening().start();
    const other = new Database(hooks.database);
    other.exec('BEGIN IMMEDIATE');
    let answered = false;
    const told = hooks.tell(CALL).finally(() => (answered = true));
    const headers = { authorization: `Bearer ${hooks.token}` };
    for (let number = 0; number < 5; number += 1) expect((await hooks.ask('/', { headers })).status).toBe(404);
    expect(answered).toBe(false);
    other.exec('COMMIT');
    other.close();
    expect((await told).status).toBe(200);
    expect(hooks.rows('SELECT tool_name FROM agent_tool_uses')).toEqual([{ tool_name: 'Bash' }]);
  });

  test('for too long is given up, with nothing stored', async () => {
    await using hooks = await new Listening().start();
    const store = new HookStore(hooks.database, HOOK_SETTINGS, 30);
    await store.open();
    const other = new Database(hooks.database);
    other.exec('BEGIN IMMEDIATE');
    await expect(store.store(Buffer.from(JSON.stringify(CALL)), 0)).rejects.toMatchObject({ code: 'SQLITE_BUSY' });
    other.close();
    expect(hooks.rows('SELECT * FROM agent_tool_uses')).toEqual([]);
    store.close();
  });
});
