import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HookWriter } from '../../../receivers/claude_code_hooks/writer.ts';
import { Workspace } from '../../main-job/harness.ts';
import { hostileInput, mutated, NOTORIOUS, randomNumbers } from './hostile.ts';
import { inParallel, runHook } from './hook-process.ts';
import { decoded, freshDatabase } from './in-process.ts';
import { recordedFiles } from './payloads.ts';
import { rowsOf } from './stored.ts';

const GENERATED = 50_000;
const MUTATED = 50_000;
const THROUGH_THE_COMMAND = 500;
/** So many events meet in one database. */
const PER_DATABASE = 400;
const SEED = Number(process.env.AGENTCOL_SEED ?? Date.now() % 2 ** 31);
const START = Date.UTC(2026, 10, 22, 12);

/** Recorded payloads to be mutated; two of our own where there is no recording. */
const SAMPLES: readonly string[] = [
  '{"session_id":"s-1","hook_event_name":"PreToolUse","tool_name":"Bash","tool_use_id":"t1","tool_input":{"command":"ls"}}',
  '{"session_id":"s-1","hook_event_name":"SubagentStart","agent_id":"a1","agent_type":"Explore"}',
  ...[...recordedFiles().values()].flat().filter((line) => line.length < 20_000),
];

/** Stores inputs, one database for every PER_DATABASE of them, and looks at what came of each. */
class Store {
  #db = freshDatabase();
  #writer = new HookWriter(this.#db);
  #count = 0;
  readonly outcomes = new Map<string, number>();

  add(input: string | Buffer): void {
    this.#count += 1;
    // Some come late, some early.
    const event = decoded(input, START + this.#count * 50 - (this.#count % 7) * 700);
    if (event.kind === 'refusal') this.#writer.refuse(event);
    else this.#writer.write(event);
    const outcome = event.kind === 'refusal' ? event.reason : event.kind;
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
    if (this.#count % PER_DATABASE === 0) this.check();
  }

  check(): void {
    expect(brokenRows(this.#db)).toEqual([]);
    this.#db.close();
    this.#db = freshDatabase();
    this.#writer = new HookWriter(this.#db);
  }
}

/** What must hold of every row, whatever was stored. */
const RULES: readonly string[] = [
  `SELECT 'integrity', integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'`,
  ...['agent_invocations', 'agent_tool_uses', 'sessions'].map(
    (table) => `SELECT '${table}: a time that is none', start_time, end_time FROM ${table}
      WHERE start_time NOT GLOB '????-??-??T??:??:??.???Z' OR end_time NOT GLOB '????-??-??T??:??:??.???Z'`,
  ),
  ...['agent_invocations', 'agent_tool_uses'].map(
    (table) => `SELECT '${table}: a duration that is none', duration_seconds FROM ${table}
      WHERE typeof(duration_seconds) NOT IN ('real', 'null') OR duration_seconds < 0 OR duration_seconds > 1e12`,
  ),
  `SELECT 'a call without a known status', status FROM agent_tool_uses
   WHERE coalesce(status, '') NOT IN ('started', 'completed', 'failed', 'denied')`,
  `SELECT 'an invocation without a known status', status FROM agent_invocations
   WHERE coalesce(status, '') NOT IN ('started', 'completed', 'failed', 'abandoned')`,
  `SELECT 'a settled call without an end', status FROM agent_tool_uses WHERE (status = 'started') <> (end_time IS NULL)`,
  `SELECT 'a call twice', session_id, tool_use_id FROM agent_tool_uses
   WHERE tool_use_id IS NOT NULL GROUP BY session_id, tool_use_id HAVING count(*) > 1`,
  `SELECT 'a launch as a call', tool_name FROM agent_tool_uses WHERE tool_name IN ('Task', 'Agent')`,
  `SELECT 'a tool that is no name', tool_name FROM agent_tool_uses
   WHERE tool_name IS NULL OR tool_name GLOB '*[^A-Za-z0-9_.:-]*' OR length(tool_name) NOT BETWEEN 1 AND 128`,
  `SELECT 'a session without an id', session_id FROM sessions WHERE coalesce(session_id, '') = '' OR length(session_id) > 200`,
  `SELECT 'a call outside of any session', session_id FROM agent_tool_uses WHERE session_id NOT IN (SELECT session_id FROM sessions)`,
  `SELECT 'an invocation outside of any session', session_id FROM agent_invocations
   WHERE session_id NOT IN (SELECT session_id FROM sessions)`,
  `SELECT 'a call inside of nothing', agent_invocation_id FROM agent_tool_uses
   WHERE agent_invocation_id NOT IN (SELECT id FROM agent_invocations)`,
  `SELECT 'a result that is no JSON', id FROM agent_invocations WHERE raw_output IS NOT NULL AND NOT json_valid(raw_output)`,
  `SELECT 'content', id FROM agent_invocations
   WHERE prompt IS NOT NULL OR raw_input IS NOT NULL OR result_summary IS NOT NULL OR error IS NOT NULL`,
  `SELECT 'content', id FROM agent_tool_uses WHERE tool_input IS NOT NULL OR tool_output IS NOT NULL OR error IS NOT NULL`,
];

function brokenRows(db: ReturnType<typeof freshDatabase>): readonly unknown[] {
  return RULES.flatMap((rule) => db.prepare<[], unknown[]>(rule).raw().all().slice(0, 3));
}

describe(`whatever a hook is given (AGENTCOL_SEED=${SEED})`, () => {
  it(`${GENERATED} generated inputs are stored as data or refused`, () => {
    const store = new Store();
    fc.assert(
      fc.property(hostileInput, (input) => {
        store.add(input);
      }),
      { numRuns: GENERATED, seed: SEED, endOnFailure: true },
    );
    store.check();
    console.log('generated:', Object.fromEntries(store.outcomes));
    expect(store.outcomes.get('call')).toBeGreaterThan(1000);
  });

  it(`${MUTATED} mutated payloads are stored as data or refused`, () => {
    const store = new Store();
    const below = randomNumbers(SEED);
    for (let count = 0; count < MUTATED; count += 1) {
      store.add(mutated(SAMPLES[below(SAMPLES.length)]!, below));
    }
    store.check();
    console.log('mutated:', Object.fromEntries(store.outcomes));
    expect(store.outcomes.get('not_json')).toBeGreaterThan(1000);
  });

  it.each(Object.entries(NOTORIOUS))('%s is stored as data or refused', (_, input) => {
    const store = new Store();
    store.add(input);
    store.check();
  });

  it(`${THROUGH_THE_COMMAND} inputs through the real command end with 0 and print nothing`, async () => {
    using workspace = new Workspace();
    const database = workspace.file('hooks', 'agent_workflow.db');
    const below = randomNumbers(SEED + 1);
    const generated = fc.sample(hostileInput, { numRuns: THROUGH_THE_COMMAND / 2, seed: SEED });
    const inputs = [...Object.values(NOTORIOUS), ...generated];
    while (inputs.length < THROUGH_THE_COMMAND) inputs.push(mutated(SAMPLES[below(SAMPLES.length)]!, below));
    const troubled: unknown[] = [];
    await inParallel(inputs, 3, async (input) => {
      const { code, stdout, stderr } = await runHook(database, input);
      if (code !== 0 || stdout !== '' || stderr !== '') troubled.push({ code, stdout, stderr, input: String(input) });
    });
    expect(troubled).toEqual([]);
    expect(RULES.flatMap((rule) => rowsOf(database, rule))).toEqual([]);
    // The log of refusals has a bound.
    const sizes = fs.readdirSync(path.dirname(database)).map((file) => fs.statSync(workspace.file('hooks', file)).size);
    expect(Math.max(...sizes)).toBeLessThan(8 * 1024 * 1024);
  });
});
