import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { importFiles } from '../../../receivers/claude_code_hooks/import/import.ts';
import { Clock, Collector, Workspace } from '../../main-job/harness.ts';
import * as family from '../../oracle/families.ts';
import { recount as expectedSamples } from '../../oracle/recount.ts';
import { differences } from '../../oracle/samples.ts';
import { residentMiB } from '../../soak/process.ts';
import { databaseFacts } from './database-facts.ts';
import { randomNumbers } from './hostile.ts';
import { factDifferences, PayloadRecount } from './payload-recount.ts';
import { recorded, recordedFiles } from './payloads.ts';
import { rowsOf } from './stored.ts';
import { MAIN } from '../../program.ts';

const BYTES = 200_000_000;
const START = Date.UTC(2026, 7, 12);

/** A transcript of so many bytes; returns how many calls are in it. */
function writeTranscript(file: string, bytes: number): number {
  const below = randomNumbers(1);
  const output = fs.openSync(file, 'w');
  let calls = 0;
  for (let written = 0; written < bytes; calls += 1) {
    const id = `toolu_${calls}`;
    const common = { sessionId: `s-${Math.floor(calls / 400)}`, cwd: '/home/a/project', isSidechain: false };
    const usage = { input_tokens: 3, output_tokens: 100, cache_read_input_tokens: 50_000 };
    const input = { command: 'x'.repeat(below(500)) };
    const content = [{ type: 'tool_use', id, name: 'Bash', input }];
    const uses = {
      ...common,
      type: 'assistant',
      requestId: `req_${calls}`,
      timestamp: new Date(START + calls * 3000).toISOString(),
      message: { id: `msg_${calls}`, role: 'assistant', usage, content },
    };
    const stdout = 'y'.repeat(below(5000));
    const result = {
      ...common,
      type: 'user',
      timestamp: new Date(START + calls * 3000 + 1000).toISOString(),
      message: { role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: stdout }] },
      toolUseResult: { stdout },
    };
    written += fs.writeSync(output, `${JSON.stringify(uses)}\n${JSON.stringify(result)}\n`);
  }
  fs.closeSync(output);
  return calls;
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly peakMiB: number;
}

async function runImport(database: string, file: string, interruptAfterMs = Infinity): Promise<Ended> {
  const startMs = performance.now();
  const child = spawn(process.execPath, [MAIN, 'import', file, '--database', database], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  let ended: number | null | undefined;
  child.on('close', (code) => {
    ended = code;
  });
  let peakMiB = 0;
  let interrupted = false;
  while (ended === undefined) {
    await setTimeout(50);
    if (child.pid !== undefined && fs.existsSync(`/proc/${child.pid}/status`)) {
      peakMiB = Math.max(peakMiB, residentMiB(child.pid, true) || 0);
    }
    if (!interrupted && performance.now() - startMs > interruptAfterMs) interrupted = child.kill('SIGTERM');
  }
  return { code: ended, stdout, peakMiB };
}

describe('a transcript of 200 MB', () => {
  it('is imported in less than 100 MiB of memory, after an interruption too, each call once', async () => {
    using workspace = new Workspace();
    const file = workspace.file('transcript.jsonl');
    const database = workspace.file('database', 'agent_workflow.db');
    const calls = writeTranscript(file, BYTES);
    const counted = 'SELECT count(*) AS calls, min(status) AS least, max(status) AS most FROM agent_tool_uses';
    expect((await runImport(database, file, 5000)).code).toBe(1);
    expect(rowsOf(database, 'SELECT count(*) AS calls FROM agent_tool_uses')).not.toEqual([{ calls }]);
    const ended = await runImport(database, file);
    console.log(`peak ${Math.round(ended.peakMiB)} MiB\n${ended.stdout}`);
    expect(ended.code).toBe(0);
    expect(ended.peakMiB).toBeLessThan(100);
    expect(rowsOf(database, counted)).toEqual([{ calls, least: 'completed', most: 'completed' }]);
    expect(rowsOf(database, 'SELECT count(*) AS calls, sum(output_tokens) AS tokens FROM model_requests')).toEqual([
      { calls, tokens: calls * 100 },
    ]);
  }, 900_000);
});

describe.skipIf(!recorded.met)(`recorded payloads${recorded.reason}`, () => {
  it.each([...recordedFiles()])('of %s are imported as a recount says, as often as one likes', async (name, lines) => {
    using workspace = new Workspace();
    const file = workspace.file(`${name}.jsonl`);
    fs.writeFileSync(file, lines.join('\n'));
    const database = workspace.file('database', 'agent_workflow.db');
    const recount = new PayloadRecount();
    for (const line of lines) recount.add(line);
    const problems: string[] = [];
    for (let times = 0; times < 2; times += 1) {
      await importFiles({
        database,
        paths: [workspace.folder],
        problem: (message) => problems.push(message),
        progress: () => undefined,
        stop: new AbortController().signal,
      });
      expect(problems).toEqual([]);
      expect(factDifferences(recount.facts(), databaseFacts(database))).toEqual([]);
    }
    // Nobody knows how long anything took, but what payloads say themselves.
    const clock = new Clock(Date.now() + 60_000);
    await using collector = await Collector.start(database, { clock, zone: 'UTC' });
    expect(differences(expectedSamples(database, clock.nowMs, 'UTC'), collector.samples())).toEqual([]);
    const observed = (name: string): number =>
      [...collector.samples()].reduce((sum, [key, value]) => sum + (key.startsWith(`${name}_count`) ? value : 0), 0);
    expect(observed(family.TOOL_SECONDS)).toBe(0);
    expect(observed(family.SESSION_SECONDS)).toBe(0);
    const told = lines.filter((line) => line.includes('"totalDurationMs":'));
    expect(observed(family.INVOCATION_SECONDS)).toBe(told.length);
  });
});
