import { describe, expect, test } from 'vitest';
import { sqliteReceiver } from '../../../receivers/sqlite/factory.ts';
import { loadPreset } from '../../../receivers/sqlite/presets.ts';
import type { MetricDefinition } from '../../../src/component.ts';
import { firstMatch, privacySettings } from '../../../src/config/privacy.ts';
import { filledConfig, testSettings } from '../../component-suite.ts';

async function metricsOf(config: Readonly<Record<string, unknown>>): Promise<readonly MetricDefinition[]> {
  const settings = { database: '/nowhere/*.db', ...config };
  const receiver = await sqliteReceiver.create(filledConfig(sqliteReceiver, settings), testSettings('sqlite'));
  expect(receiver.readers).toEqual([]);
  return receiver.metrics ?? [];
}

describe('what a receiver can make', () => {
  test('is known before there is a file to read', async () => {
    const metrics = await metricsOf({
      tables: { jobs: { metrics: [{ name: 'jobs', type: 'counter' }] } },
      distinct: { people: { of: ['jobs.who'], description: 'd', unit: '1' } },
      queries: { q: { sql: 'SELECT 1 AS one', limit: 1, metrics: [{ name: 'ones', type: 'gauge', value: 'one' }] } },
    });
    expect(metrics.map(({ metric }) => metric.name)).toEqual(['jobs', 'people', 'ones']);
  });
});

describe('what an attribute is made of', () => {
  const count = { name: 'jobs', type: 'counter' };

  test('is told by the columns in its expression, whatever they are called on the way', async () => {
    const [jobs, others] = await metricsOf({
      tables: {
        jobs: {
          columns: { note: "coalesce(prompt, 'none')", twice: 'note || note' },
          attributes: { a: 'kind', b: 'upper(twice)', c: `json_extract("tool_input", '$.cwd')`, d: "'session_id'" },
          metrics: [count, { ...count, name: 'others', attributes: ['a'], set: { a: 'cwd' } }],
        },
      },
    });
    expect(jobs?.attributes).toEqual(['a', 'b', 'c', 'd']);
    expect(jobs?.origins).toEqual(
      new Map([
        ['a', ['kind']],
        ['b', ['prompt']],
        ['c', ['tool_input']],
        ['d', []],
      ]),
    );
    expect(others?.origins).toEqual(new Map([['a', ['cwd']]]));
  });

  test('of a query, may be whatever the statement mentions', async () => {
    const sql = 'SELECT user_name AS who, count(*) AS n FROM sessions GROUP BY 1';
    const metrics = [{ name: 'n', type: 'gauge', value: 'n' }];
    const [query] = await metricsOf({ queries: { q: { sql, limit: 9, attributes: { who: 'who' }, metrics } } });
    expect(query?.origins?.get('who')).toEqual(expect.arrayContaining(['who', 'user_name', 'sessions']));
  });

  test('of the preset, is nothing sensitive, its optional attributes included', async () => {
    const optional = Object.values(loadPreset('agent_workflow').tables).flatMap((table) =>
      Object.keys(table.optional_attributes),
    );
    const metrics = await metricsOf({ preset: 'agent_workflow', optional_attributes: [...new Set(optional)] });
    const sensitive = firstMatch(privacySettings.properties.sensitive_attributes.default);
    const names = metrics.flatMap(({ attributes = [], origins }) => [
      ...attributes,
      ...[...(origins?.values() ?? [])].flat(),
    ]);
    expect(names).toContain('agent_workflow.project');
    expect(names.filter((name) => sensitive(name) !== undefined)).toEqual([]);
  });
});
