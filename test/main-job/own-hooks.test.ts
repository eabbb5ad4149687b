import type { Database } from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { prepareHookDatabase } from '../../receivers/claude_code_hooks/prepare.ts';
import { History } from '../oracle/history.ts';
import { recount } from '../oracle/recount.ts';
import { differences, type Samples } from '../oracle/samples.ts';
import { Clock, Collector, HOUR, MINUTE, NOON, Workspace, ZONE } from './harness.ts';

const SECOND = 1000;
const iso = (at: number): string => new Date(at).toISOString();

type Row = Readonly<Record<string, string | number | null>>;

/** A database of agentcol's own hooks, written row by row, and a collector that tails it. */
class Scene implements AsyncDisposable {
  readonly clock = new Clock();
  readonly collector: Collector;
  readonly #history = new History(ZONE);
  readonly #workspace: Workspace;
  readonly #file: string;
  readonly #db: Database;

  private constructor(workspace: Workspace, file: string, db: Database, clock: Clock, collector: Collector) {
    this.#workspace = workspace;
    this.#file = file;
    this.#db = db;
    this.clock = clock;
    this.collector = collector;
  }

  static async begin(receiver: Readonly<Record<string, unknown>> = {}): Promise<Scene> {
    const workspace = new Workspace();
    const file = workspace.file('agent_workflow.db');
    const db = prepareHookDatabase(file);
    const clock = new Clock();
    const collector = await Collector.start(file, { clock, receiver, storage: workspace.file('state') });
    return new Scene(workspace, file, db, clock, collector);
  }

  insert(table: string, row: Row): number {
    const columns = Object.keys(row).map((name) => `"${name}"`);
    const marks = columns.map(() => '?').join();
    const { lastInsertRowid } = this.#db
      .prepare(`INSERT INTO ${table} (${columns.join()}) VALUES (${marks})`)
      .run(...Object.values(row));
    return Number(lastInsertRowid);
  }

  update(table: string, id: number, row: Row): void {
    const sets = Object.keys(row).map((name) => `"${name}" = ?`);
    this.#db.prepare(`UPDATE ${table} SET ${sets.join()} WHERE id = ?`).run(...Object.values(row), id);
  }

  call(row: Row = {}): number {
    const time = iso(this.clock.nowMs);
    const call = { timestamp: time, session_id: 's', agent_name: 'main', tool_name: 'Read', start_time: time };
    return this.insert('agent_tool_uses', { ...call, status: 'started', stored_by: 'agentcol', ...row });
  }

  run(row: Row = {}): number {
    const time = iso(this.clock.nowMs);
    const run = { timestamp: time, session_id: 's', event_type: 'pre_invocation', agent_name: 'Explore' };
    return this.insert('agent_invocations', { ...run, status: 'started', stored_by: 'agentcol', ...row });
  }

  /** What is published now is what the history says; a first read now would say the same where `recounts`. */
  async holds(recounts = true): Promise<Samples> {
    this.#history.look(this.#file, this.clock.nowMs);
    await this.collector.equals(this.#history.samples());
    if (recounts) {
      expect(differences(recount(this.#file, this.clock.nowMs, ZONE), this.#history.samples())).toEqual([]);
    }
    return this.collector.samples();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.collector.stop();
    this.#db.close();
    this.#workspace[Symbol.dispose]();
  }
}

const CALLS =
  'agent_workflow_tool_calls_total{agent_workflow_status="completed",gen_ai_agent_name="main",gen_ai_tool_name="Read"}';

describe('rows of our own hooks', () => {
  it('are complete ten seconds after their end, without another write, with what came late', async () => {
    await using scene = await Scene.begin();
    const id = scene.call();
    await scene.holds();
    scene.update('agent_tool_uses', id, { status: 'completed', end_time: iso(NOON + SECOND) });
    scene.clock.advance(2 * SECOND);
    expect((await scene.holds()).get(CALLS)).toBe(0);
    scene.update('agent_tool_uses', id, { end_time: iso(NOON), duration_seconds: 0.5 });
    expect((await scene.holds()).get(CALLS)).toBe(0);
    scene.clock.advance(16 * SECOND);
    const samples = await scene.holds();
    expect(samples.get(CALLS)).toBe(1);
    expect(
      samples.get('gen_ai_execute_tool_duration_seconds_sum{gen_ai_agent_name="main",gen_ai_tool_name="Read"}'),
    ).toBe(0.5);
  });

  it('that were denied or cut off have a status and no duration', async () => {
    await using scene = await Scene.begin();
    const end = { end_time: iso(NOON + 5 * SECOND) };
    scene.call({ status: 'denied', error_type: 'denied', ...end });
    scene.call({ status: 'failed', error_type: 'exit_1', ...end });
    scene.run({ status: 'abandoned', start_time: iso(NOON), ...end });
    scene.clock.advance(MINUTE);
    const samples = await scene.holds();
    const count = (name: string, status: string, labels: string): number | undefined =>
      samples.get(`agent_workflow_${name}_total{${labels.replace('STATUS', `agent_workflow_status="${status}"`)}}`);
    const call = 'STATUS,gen_ai_agent_name="main",gen_ai_tool_name="Read"';
    expect(['denied', 'failed', 'completed'].map((status) => count('tool_calls', status, call))).toEqual([1, 1, 0]);
    const run = 'agent_workflow_phase="unknown",STATUS,gen_ai_agent_name="Explore"';
    expect(['abandoned', 'completed'].map((status) => count('invocations', status, run))).toEqual([1, 0]);
    expect([...samples.keys()].filter((key) => /_duration_seconds_count/.test(key))).toEqual([
      'gen_ai_execute_tool_duration_seconds_count{error_type="exit_1",gen_ai_agent_name="main",gen_ai_tool_name="Read"}',
    ]);
  });

  it('of agents begin with their launch, until it is known when they started', async () => {
    await using scene = await Scene.begin();
    const id = scene.run({ launch_time: iso(NOON) });
    const last = 'agent_workflow_invocation_last_start_timestamp_seconds{gen_ai_agent_name="Explore"}';
    expect((await scene.holds()).get(last)).toBe(NOON / 1000);
    scene.update('agent_invocations', id, {
      start_time: iso(NOON + 3 * SECOND),
      end_time: iso(NOON + 8 * SECOND),
      status: 'completed',
      raw_output: '{"usage":{"output_tokens":7}}',
    });
    await scene.holds(false);
    scene.clock.advance(MINUTE);
    const samples = await scene.holds();
    expect(samples.get(last)).toBe(NOON / 1000 + 3);
    expect(samples.get('agent_workflow_tokens_total{gen_ai_agent_name="Explore",gen_ai_token_type="output"}')).toBe(7);
    const lost = scene.run({ launch_time: iso(scene.clock.nowMs) });
    await scene.holds();
    scene.update('agent_invocations', lost, { start_time: iso(scene.clock.nowMs + SECOND) });
    scene.clock.advance(25 * HOUR);
    expect((await scene.holds()).get(last)).toBe((NOON + MINUTE + SECOND) / 1000);
  });

  it('tell of permissions: what became of them, and how long they took', async () => {
    await using scene = await Scene.begin();
    const ask = (tool_name: string): number =>
      scene.insert('permission_requests', { session_id: 's', tool_name, time: iso(scene.clock.nowMs) });
    const asked = [ask('Bash'), ask('Bash'), ask('Edit')];
    const requests = (samples: Samples, outcome: string, tool: string): number | undefined =>
      samples.get(
        `agent_workflow_permission_requests_total{agent_workflow_outcome="${outcome}",gen_ai_tool_name="${tool}"}`,
      );
    expect(requests(await scene.holds(), 'allowed', 'Bash')).toBe(0);
    scene.update('permission_requests', asked[0]!, { outcome: 'allowed', resolved_time: iso(NOON + 3 * SECOND) });
    scene.update('permission_requests', asked[1]!, { outcome: 'denied' });
    scene.clock.advance(MINUTE);
    const samples = await scene.holds();
    expect(['allowed', 'denied', 'abandoned'].map((outcome) => requests(samples, outcome, 'Bash'))).toEqual([1, 1, 0]);
    const waits = [...samples].filter(([key]) => key.startsWith('agent_workflow_permission_wait_seconds_sum'));
    expect(waits.map(([, value]) => value)).toEqual([3]);
    scene.clock.advance(25 * HOUR);
    expect(requests(await scene.holds(), 'abandoned', 'Edit')).toBe(1);
  });

  it('tell of compactions by what asked for them', async () => {
    await using scene = await Scene.begin();
    for (const trigger of ['auto', 'auto', null]) {
      scene.insert('compactions', { session_id: 's', time: iso(NOON), trigger });
    }
    const samples = await scene.holds();
    const counts = ['auto', 'manual', 'unknown'].map((trigger) =>
      samples.get(`agent_workflow_compactions_total{agent_workflow_trigger="${trigger}"}`),
    );
    expect(counts).toEqual([2, 0, 1]);
  });

  it('name project and model where the receiver wants them', async () => {
    await using scene = await Scene.begin({ optional_attributes: ['agent_workflow.project', 'gen_ai.request.model'] });
    const row = { status: 'completed', end_time: iso(NOON), project: 'shop', model: 'opus' };
    scene.call(row);
    scene.run({ ...row, start_time: iso(NOON) });
    scene.clock.advance(MINUTE);
    const labels = 'agent_workflow_project="shop"';
    await scene.collector.shows(
      `agent_workflow_tool_calls_total{${labels},agent_workflow_status="completed",gen_ai_agent_name="main",gen_ai_request_model="opus",gen_ai_tool_name="Read"}`,
      1,
    );
    const run = 'agent_workflow_phase="unknown",agent_workflow_project="shop"';
    await scene.collector.shows(
      `agent_workflow_invocations_total{${run},agent_workflow_status="completed",gen_ai_agent_name="Explore",gen_ai_request_model="opus"}`,
      1,
    );
  });
});
