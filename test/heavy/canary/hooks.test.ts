import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { decode } from '../../../receivers/claude_code_hooks/decode.ts';
import { payloadSchema } from '../../../receivers/claude_code_hooks/payload.schema.ts';
import { prepareHookDatabase } from '../../../receivers/claude_code_hooks/prepare.ts';
import { hookDigest } from '../../../receivers/claude_code_hooks/settings.ts';
import { HookWriter } from '../../../receivers/claude_code_hooks/writer.ts';
import { Marks } from '../../canary/marks.ts';
import { columnsOf, expectNoneBut } from '../../canary/published.ts';
import { marked, SHAPES } from '../../canary/shapes.ts';
import { inParallel, runHook } from '../hooks/hook-process.ts';
import { LIMITS } from '../hooks/in-process.ts';
import { isObject, parse, recorded, recordedFiles } from '../hooks/payloads.ts';
import { expectPublishedOnly } from './search.ts';
import { Stage, type Outputs } from './stage.ts';

const EVENTS = [
  'PreToolUse',
  'PostToolUse',
  'PostToolUseFailure',
  'PermissionRequest',
  'PermissionDenied',
  'UserPromptSubmit',
  'Notification',
  'SubagentStart',
  'SubagentStop',
  'SessionStart',
  'SessionEnd',
  'Stop',
  'PreCompact',
  'EventOfALaterVersion',
];
/** What is looked at inside a call that launches an agent, and what stands beside it. */
const OF_A_LAUNCH = {
  tool_input: ['subagent_type', 'model', 'prompt', 'description', 'task_id'],
  tool_response: ['agentId', 'resolvedModel', 'status', 'content', 'usage', 'prompt'],
};
const AT_ONCE = 2;

/** What is stored of an event by design: what looks like a name or an id, as it stands. */
const STORED: readonly string[] = [
  'session_id',
  'hook_event_name',
  'tool_name',
  'tool_use_id',
  'agent_id',
  'agent_type',
  'model',
  'cwd', // its last element: the project
  // Words of at most 64 letters; anything else is "_OTHER".
  'permission_mode',
  'source',
  'reason',
  'trigger',
  'notification_type',
  // Of a call that launches an agent: whom, and with which model.
  'tool_input.subagent_type',
  'tool_input.model',
  'tool_response.agentId',
  'tool_response.resolvedModel',
  'name of an unknown field',
];
/** Names that somebody chose, in any letters: in the database even one that looks like a path is kept as it was given. */
const AS_GIVEN: readonly string[] = [
  'agent_type',
  'model',
  'tool_input.subagent_type',
  'tool_input.model',
  'tool_response.resolvedModel',
];
/** What the metrics tell of those. */
const PUBLISHED: readonly string[] = ['tool_name', 'agent_type', 'tool_input.subagent_type', 'trigger'];

/** Each event, with one field of each shape: of every field that is known, of one that is not, of what a launch holds. */
function* seededEvents(marks: Marks, shapes: readonly string[]): Generator<string> {
  let number = 0;
  for (const hook_event_name of EVENTS) {
    for (const shape of shapes) {
      const value = (field: string): string => marked(marks, field, shape).toString();
      const event = (fields: Readonly<Record<string, unknown>>): string => {
        number += 1;
        const tool = /Tool|Permission/.test(hook_event_name) ? { tool_name: 'Bash', tool_use_id: `t-${number}` } : {};
        const agent = { agent_id: `a-${number}`, agent_type: 'tester' };
        return JSON.stringify({ session_id: `s-${number}`, hook_event_name, ...agent, ...tool, ...fields });
      };
      for (const field of Object.keys(payloadSchema.properties)) yield event({ [field]: value(field) });
      yield event({ a_later_field: value('value of an unknown field') });
      yield event({ [value('name of an unknown field')]: 1 });
      for (const [field, names] of Object.entries(OF_A_LAUNCH)) {
        yield event({ [field]: { [value(`${field}: key`)]: { [value(`${field}: inner key`)]: 1 } } });
        for (const name of names) yield event({ tool_name: 'Task', [field]: { [name]: value(`${field}.${name}`) } });
      }
      yield `${event({})}${value('text behind an event')}`;
      yield value('no event');
    }
  }
}

/** What a hook leaves: its database, its log, what was refused. */
function leftBehind(database: string): Outputs {
  const folder = path.dirname(database);
  const names = fs.readdirSync(folder).filter((name) => /^agent/.test(name));
  return new Map(names.map((name) => [name, fs.readFileSync(path.join(folder, name))]));
}

/** What is stored of the events, and of them told by a collector. */
async function expectStoredAndPublished(stage: Stage, marks: Marks): Promise<void> {
  const stored = new Map([...leftBehind(stage.database)].map(([name, output]) => [name, marks.found(output)]));
  expectNoneBut(STORED, stored, AS_GIVEN);
  expect(columnsOf([...stored.values()].flat())).toEqual(expect.arrayContaining(['session_id', 'tool_name']));
  stage.start();
  await stage.shows(() => true);
  const shown = expectPublishedOnly(PUBLISHED, await stage.outputs(), marks);
  expect(shown).toContain('tool_name');
  expectPublishedOnly(PUBLISHED, await stage.stop(), marks);
}

/** As `agentcol hook` does, without a process for each. */
function store(database: string, events: Iterable<string>): void {
  const db = prepareHookDatabase(database);
  const writer = new HookWriter(db);
  const digest = hookDigest(db);
  let time = Date.UTC(2026, 10, 22);
  for (const event of events) {
    time += 1000;
    const decoded = decode(event, LIMITS, time, digest);
    if (decoded.kind === 'refusal') writer.refuse(decoded);
    else writer.write(decoded);
  }
  db.close();
}

describe('a secret in every field of every event', () => {
  it('is not stored but where it is a name or an id, nor logged, printed or published', async () => {
    await using stage = new Stage();
    const marks = new Marks();
    await inParallel([...seededEvents(marks, ['word', 'malformed JSON'])], AT_ONCE, async (event) => {
      expect(await runHook(stage.database, event)).toMatchObject({ code: 0, stdout: '', stderr: '' });
    });
    await expectStoredAndPublished(stage, marks);
  });

  it('likewise, of every shape', async () => {
    await using stage = new Stage();
    const marks = new Marks();
    store(stage.database, seededEvents(marks, Object.keys(SHAPES)));
    await expectStoredAndPublished(stage, marks);
  });
});

/** The payload with a mark at the end of every text and one more key in every object; one mark a field, so that ids stay the same. */
function seeded(value: unknown, field: string, markOf: (field: string) => string): unknown {
  if (typeof value === 'string') return keepsItsMeaning(field, value) ? value : value + markOf(field);
  if (Array.isArray(value)) return value.map((item) => seeded(item, field, markOf));
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([key, inner]): [string, unknown] => [
    key,
    seeded(inner, field === '' ? key : `${field}.${key}`, markOf),
  ]);
  return Object.fromEntries(field === '' ? entries : [...entries, [markOf(`${field}: key`), 1]]);
}

/** Without these words it would be another event. */
function keepsItsMeaning(field: string, value: string): boolean {
  return field === 'hook_event_name' || (field === 'tool_name' && /^(?:Task|Agent)$/.test(value)) || value === '';
}

describe.skipIf(!recorded.met).each([...recordedFiles()])(
  `the recorded events of %s, with a secret in every text${recorded.reason}`,
  (_, lines) => {
    function seededLines(marks: Marks): readonly string[] {
      const known = new Map<string, string>();
      const markOf = (field: string): string => {
        const mark = known.get(field) ?? marks.at(field);
        known.set(field, mark);
        return mark;
      };
      return lines.map((line) => JSON.stringify(seeded(parse(line), '', markOf)));
    }

    it('leave names and ids in the database, and fewer in the metrics', async () => {
      await using stage = new Stage();
      const marks = new Marks();
      store(stage.database, seededLines(marks));
      await expectStoredAndPublished(stage, marks);
    });

    it('likewise, when they are imported', async () => {
      await using stage = new Stage();
      const marks = new Marks();
      const file = stage.workspace.file('recorded.jsonl');
      fs.writeFileSync(file, seededLines(marks).join('\n'));
      const told = stage.command(['import', file, '--database', stage.database]);
      expect(told).toContain('read 1 files');
      expect(marks.found(told)).toEqual([]);
      await expectStoredAndPublished(stage, marks);
    });
  },
);
