import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { factories } from '../components.ts';
import { loadConfig } from '../config/config.ts';
import { describeError } from '../errors.ts';
import { Service } from '../pipeline/service.ts';
import { createLogger } from '../telemetry/logger.ts';
import { fail, ok, type Finding } from './doctor-finding.ts';

const SESSION = 'agentcol-doctor';
const TOOL = 'AgentcolDoctor';
const CALL = { session_id: SESSION, tool_name: TOOL, tool_use_id: 'toolu_agentcol_doctor', tool_input: {} };
/** A session in which one tool is called. */
const EVENTS = [
  { hook_event_name: 'SessionStart', session_id: SESSION, source: 'startup' },
  { hook_event_name: 'PreToolUse', ...CALL },
  { hook_event_name: 'PostToolUse', ...CALL, tool_response: {}, duration_ms: 1 },
];
/** What must be published of it: a call by its name and outcome, and one session. */
const PUBLISHED = [
  new RegExp(`^agent_workflow_tool_calls_total\\{(?=[^}]*"${TOOL}")[^}]*"completed"[^}]*\\} 1$`, 'm'),
  /^agent_workflow_sessions_total(?:\{[^}]*\})? 1$/m,
];
const TIMEOUT_MS = 10_000;
/** Rows of the hooks count as complete only some seconds after their end, in case that parts of them come late. */
const LATER_MS = 3_600_000;
const REMEDY =
  'run that command by hand with an event on its standard input; agentcol-hook.log beside the database tells why';

/** Sends a test event through each program into a database of its own, and out of a collector of its own. */
export async function checkTestEvent(
  programs: readonly { readonly node: string; readonly main: string }[],
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const { node, main } of programs) {
    const folder = mkdtempSync(path.join(tmpdir(), 'agentcol-doctor-'));
    try {
      findings.push(await sendThrough(node, main, folder));
    } catch (error) {
      findings.push(fail('test event', `${node} ${main} hook: ${describeError(error)}`, REMEDY));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return findings;
}

async function sendThrough(node: string, main: string, folder: string): Promise<Finding> {
  const database = path.join(folder, 'agent_workflow.db');
  const command = [main, 'hook', '--database', database];
  const startMs = performance.now();
  for (const event of EVENTS) await runHook(node, command, JSON.stringify(event));
  const perEventMs = Math.round((performance.now() - startMs) / EVENTS.length);
  const exposition = await publish(database, folder);
  if (PUBLISHED.every((expected) => expected.test(exposition))) {
    const took = `${perEventMs} ms each; both were temporary`;
    return ok('test event', `the command itself works: an event arrived in a database and in /metrics, ${took}`);
  }
  return fail('test event', `${node} ${main} hook was run, but its event is not in /metrics`, REMEDY);
}

/** Rejects unless it ends with 0 and prints nothing: what it prints may go to the model. */
function runHook(node: string, args: readonly string[], input: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(node, [...args], { stdio: 'pipe', timeout: TIMEOUT_MS });
    let printed = '';
    child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code !== 0)
        reject(new Error(`ended with ${code ?? signal ?? 'nothing'}: ${printed.trim().split('\n')[0] ?? ''}`));
      else if (printed !== '') reject(new Error('printed something, which an agent may take for instructions'));
      else resolve();
    });
    // A program that does not read ends before; its exit code tells more than EPIPE.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

/** /metrics of a collector over that database alone. */
async function publish(database: string, folder: string): Promise<string> {
  const file = path.join(folder, 'otel-config.yaml');
  const config = {
    receivers: { sqlite: { database, preset: 'agent_workflow' } },
    exporters: { prometheus: { endpoint: '127.0.0.1:0' } },
    service: { pipelines: { metrics: { receivers: ['sqlite'], exporters: ['prometheus'] } } },
  };
  writeFileSync(file, JSON.stringify(config));
  const logger = createLogger({ level: 'error', stream: process.stderr });
  const loaded = await loadConfig({ files: [file] }, factories);
  const service = await Service.create(loaded, { logger, listen: false, now: () => Date.now() + LATER_MS });
  try {
    await service.start();
    await service.caughtUp();
    const { exposition } = await import('../../exporters/prometheus/exposition.ts');
    return exposition(service.sources, 'text');
  } finally {
    await service.shutdown();
  }
}
