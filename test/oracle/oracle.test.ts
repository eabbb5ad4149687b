import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createAgentWorkflow, HookLogger } from '../fixtures/agent-workflow.ts';
import { generateAgentWorkflow } from '../fixtures/generate.ts';
import { localIso } from '../fixtures/local-time.ts';
import { epochSeconds } from './epoch.ts';
import { History } from './history.ts';
import { recount } from './recount.ts';
import { differences, parseExposition, sampleKey } from './samples.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol-oracle-'));
const noon = Date.UTC(2026, 10, 22, 12);

afterEach(() => {
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder);
});

describe('the two oracles', () => {
  it('agree on a database that is read once', () => {
    const file = path.join(folder, 'generated.db');
    generateAgentWorkflow(file, { invocations: 6000, endMs: noon, zone: 'Europe/Berlin', slim: true });
    const history = new History('Europe/Berlin');
    history.look(file, noon);
    expect(differences(recount(file, noon, 'Europe/Berlin'), history.samples())).toEqual([]);
  });

  it('give the numbers counted by hand', () => {
    const file = path.join(folder, 'hand.db');
    const logger = new HookLogger(createAgentWorkflow(file));
    logger.sessionStart('a', noon - 7_200_000);
    logger.stop('a', noon - 3_600_000);
    const done = logger.invocationStart({ session: 'a', agent: 'architect', phase: 'planning', at: noon - 7_000_000 });
    logger.invocationEnd(done, {
      at: noon - 6_000_000,
      durationSeconds: 12.5,
      rawOutput: '{"usage":{"input_tokens":3,"output_tokens":40}}',
    });
    logger.invocationStart({ session: 'b', agent: 'architect', phase: 'planning', at: noon - 1000 });
    logger.invocationStart({ session: 'b', agent: 'architect', phase: 'planning', at: noon - 25 * 3_600_000 });
    logger.toolStart({ session: 'c', agent: 'direct', tool: 'Read', at: noon });
    logger.close();
    const samples = recount(file, noon, 'UTC');
    const architect = { gen_ai_agent_name: 'architect', agent_workflow_phase: 'planning' };
    const invocations = (status: string): number | undefined =>
      samples.get(sampleKey('agent_workflow_invocations_total', { ...architect, agent_workflow_status: status }));
    expect([invocations('completed'), invocations('failed'), invocations('abandoned')]).toEqual([1, 0, 1]);
    expect(samples.get(sampleKey('agent_workflow_invocations_active', architect))).toBe(1);
    expect(samples.get(sampleKey('gen_ai_invoke_agent_duration_seconds_bucket', { ...architect, le: '12.8' }))).toBe(1);
    expect(samples.get(sampleKey('gen_ai_invoke_agent_duration_seconds_bucket', { ...architect, le: '6.4' }))).toBe(0);
    expect(samples.get('agent_workflow_sessions_total')).toBe(3);
    expect(samples.get('agent_workflow_session_duration_seconds_sum')).toBe(3600);
    expect(
      samples.get(
        sampleKey('agent_workflow_tokens_total', { gen_ai_agent_name: 'architect', gen_ai_token_type: 'output' }),
      ),
    ).toBe(40);
    expect(
      samples.get(
        sampleKey('agent_workflow_tool_calls_total', {
          gen_ai_tool_name: 'Read',
          gen_ai_agent_name: 'direct',
          agent_workflow_status: 'unknown',
        }),
      ),
    ).toBe(1);
  });
});

describe('epochSeconds', () => {
  it.each([
    ['2026-07-01T12:00:00', 'Europe/Berlin', Date.UTC(2026, 6, 1, 10) / 1000],
    ['2026-01-01 12:00:00.25', 'Europe/Berlin', Date.UTC(2026, 0, 1, 11) / 1000 + 0.25],
    ['2026-01-01T12:00:00Z', 'Europe/Berlin', Date.UTC(2026, 0, 1, 12) / 1000],
    ['2026-01-01T12:00:00-05:30', 'UTC', Date.UTC(2026, 0, 1, 17, 30) / 1000],
    // 02:30 occurs twice on 2026-10-25 (the first is summer time), and not at all on 2026-03-29.
    ['2026-10-25T02:30:00', 'Europe/Berlin', Date.UTC(2026, 9, 25, 0, 30) / 1000],
    ['2026-03-29T02:30:00', 'Europe/Berlin', Date.UTC(2026, 2, 29, 1, 30) / 1000],
  ])('reads %s in %s', (text, zone, expected) => {
    expect(epochSeconds(text, zone)).toBe(expected);
  });

  it('reads back what the logger writes', () => {
    for (const ms of [noon, noon + 0.25, Date.UTC(2026, 6, 1, 22, 59, 59, 999)]) {
      expect(epochSeconds(localIso(ms, 'Europe/Berlin'), 'Europe/Berlin')).toBe(ms / 1000);
    }
  });

  it.each([null, 5, '', 'yesterday', '2026-01-01'])('is null for %j', (value) => {
    expect(epochSeconds(value, 'UTC')).toBeNull();
  });
});

describe('the comparison', () => {
  it('reads labels, escapes and special values', () => {
    const text = '# HELP a b\n# TYPE a counter\na{x="1,\\"\\\\\\n}",b="2"} 3\nc_bucket{le="+Inf"} 4\nd 1e3\n';
    expect([...parseExposition(text)]).toEqual([
      [sampleKey('a', { b: '2', x: '1,"\\\n}' }), 3],
      [sampleKey('c_bucket', { le: '+Inf' }), 4],
      ['d', 1000],
    ]);
  });

  it('refuses a sample given twice and a line that is none', () => {
    expect(() => parseExposition('a 1\na 2\n')).toThrow('given twice');
    expect(() => parseExposition('a{x="1" 2\n')).toThrow('not a');
  });

  it('names what is missing, too much and different', () => {
    const expected = new Map([
      ['a{x="1"}', 1],
      ['b{x="1"}', 2],
    ]);
    const actual = new Map([
      ['b{x="1"}', 3],
      ['c{x="1"}', 4],
    ]);
    expect(differences(expected, actual)).toEqual([
      'a{x="1"}: expected 1, got none',
      'b{x="1"}: expected 2, got 3',
      'c{x="1"}: expected none, got 4',
    ]);
  });

  it('lets only sums of reals and timestamps differ in the last digits', () => {
    const sum = (value: number): Map<string, number> => new Map([['a_sum{x="1"}', value]]);
    expect(differences(sum(0.3), sum(0.1 + 0.2))).toEqual([]);
    expect(differences(sum(0.3), sum(0.3001))).toHaveLength(1);
    expect(differences(new Map([['a_total{x="1"}', 0.3]]), new Map([['a_total{x="1"}', 0.1 + 0.2]]))).toHaveLength(1);
  });
});
