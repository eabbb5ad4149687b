import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { Collector, Workspace } from '../main-job/harness.ts';
import { requirement } from './requirement.ts';

const corpus = path.join(process.env.AGENTCOL_CORPUS ?? '', 'data/crush/dbos.db');
const recorded = requirement("another agent's database ($AGENTCOL_CORPUS/data/crush/dbos.db)", fs.existsSync(corpus));

/** Metrics over a database that no code of ours knows, by configuration alone. Epoch seconds, whatever its comments say. */
const MAPPING = {
  preset: [],
  tables: {
    messages: {
      identity: ['id', 'created_at'],
      key: 'id',
      attributes: { role: 'role' },
      metrics: [
        { name: 'messages', type: 'counter', unit: '{message}', description: 'Messages by role' },
        {
          name: 'answer.duration',
          type: 'histogram',
          unit: 's',
          description: 'From the creation of an answer to its end',
          when: "role = 'assistant'",
          value: 'seconds(finished_at) - seconds(created_at)',
          attributes: [],
          buckets: { start: 1, factor: 2, count: 10 },
        },
      ],
    },
    parts: {
      from: 'messages',
      identity: ['id', 'created_at'],
      key: 'id',
      each: 'parts',
      columns: { type: "json_extract(each, '$.type')" },
      metrics: [
        {
          name: 'tool_calls',
          type: 'counter',
          unit: '{call}',
          description: 'Tool calls by name',
          when: "type = 'tool_call'",
          set: { tool: "json_extract(each, '$.data.name')" },
        },
        {
          name: 'tool_results',
          type: 'counter',
          unit: '{result}',
          description: 'Tool results by outcome',
          when: "type = 'tool_result'",
          set: { failed: "CASE WHEN json_extract(each, '$.data.is_error') THEN 'true' ELSE 'false' END" },
        },
      ],
    },
    sessions: {
      identity: ['id', 'created_at'],
      key: 'id',
      started_at: 'created_at',
      complete_when: '0',
      open_timeout: '36500d',
      metrics: [{ name: 'session.tokens', type: 'counter', of: 'open', value: 'prompt_tokens' }],
    },
  },
};

describe.skipIf(!recorded.met)(`the database of another agent${recorded.reason}`, () => {
  it('is measured by configuration alone: messages, latency, tool calls by name and failure, running totals', async () => {
    using workspace = new Workspace();
    const file = workspace.file('other.db');
    fs.copyFileSync(corpus, file);
    fs.chmodSync(file, 0o600);
    await using collector = await Collector.start(file, { receiver: MAPPING, storage: workspace.file('state') });
    const database = new Database(file);
    const rows = (sql: string): [string, number][] => database.prepare<[], [string, number]>(sql).raw().all();
    const parts = 'SELECT value AS part FROM messages, json_each(parts)';
    const expected = new Map<string, number>([
      ...rows('SELECT role, count(*) FROM messages GROUP BY 1').map(([role, n]): [string, number] => [
        `messages_total{role="${role}"}`,
        n,
      ]),
      ...rows(
        `SELECT part ->> '$.data.name', count(*) FROM (${parts}) WHERE part ->> '$.type' = 'tool_call' GROUP BY 1`,
      ).map(([tool, n]): [string, number] => [`tool_calls_total{tool="${tool}"}`, n]),
      ...rows(
        `SELECT iif(part ->> '$.data.is_error', 'true', 'false'), count(*) FROM (${parts}) WHERE part ->> '$.type' = 'tool_result' GROUP BY 1`,
      ).map(([failed, n]): [string, number] => [`tool_results_total{failed="${failed}"}`, n]),
      ...rows(
        `SELECT 'answer_duration_seconds_count', count(finished_at) FROM messages WHERE role = 'assistant'
         UNION ALL SELECT 'answer_duration_seconds_sum', sum(finished_at - created_at) FROM messages WHERE role = 'assistant'
         UNION ALL SELECT 'answer_duration_seconds_bucket{le="64"}', sum(finished_at - created_at <= 64) FROM messages WHERE role = 'assistant'`,
      ),
    ]);
    const samples = collector.samples();
    expect(expected.size).toBeGreaterThan(8);
    for (const [key, value] of expected) expect([key, samples.get(key)]).toEqual([key, value]);
    const tokens = (): number => rows(`SELECT '', sum(prompt_tokens) FROM sessions`)[0]![1];
    expect(samples.get('session_tokens_total')).toBe(tokens());

    database.exec('UPDATE sessions SET prompt_tokens = prompt_tokens + 1000');
    await collector.shows('session_tokens_total', tokens());
    database.close();
  });
});
