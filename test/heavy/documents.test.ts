import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { createAgentWorkflow, HookLogger } from '../fixtures/agent-workflow.ts';
import { parseExposition } from '../oracle/samples.ts';
import { MarkdownFile } from '../project/markdown.ts';
import { needsOf, ShellSession, testedBlocks, testedFiles } from '../project/shell-blocks.ts';
import { requirement } from './requirement.ts';
import { MAIN, ROOT } from '../program.ts';

/** Commands by the dozen, each a process of its own, on a machine that does other things too. */
const MAX_SECONDS = 540;
/** Documents name the default ports: in a network of its own nobody else has them. */
const NETWORK = ['unshare', '--map-root-user', '--net'];
const PROGRAM = [process.execPath, MAIN];
/** Runs the rest in that network. */
const LAUNCHER = [...NETWORK, 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'];

const network = requirement(
  'the right to make a network namespace (unshare, ip)',
  spawnSync(LAUNCHER[0]!, [...LAUNCHER.slice(1), 'true']).status === 0,
);

function programs(file: MarkdownFile) {
  const needs = needsOf(file);
  const present = needs.every((program) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0);
  return requirement(needs.join(', '), present);
}

function textsOf(file: MarkdownFile): readonly string[] {
  return testedBlocks(file).map(({ text }) => text);
}

/** A day of two agents: hooks installed, some events, and a collector that has read them. */
const RUNNING = `
cp '${ROOT}/otel-config.yaml' .
agentcol hooks install
event() { printf '%s' "$1" | agentcol hook; }
event '{"session_id": "s1", "hook_event_name": "SessionStart", "source": "startup"}'
event '{"session_id": "s1", "hook_event_name": "SubagentStart", "agent_id": "a1", "agent_type": "architect"}'
event '{"session_id": "s1", "hook_event_name": "PreToolUse", "agent_id": "a1", "agent_type": "architect", "tool_name": "Read", "tool_use_id": "t1", "tool_input": {}}'
event '{"session_id": "s1", "hook_event_name": "PostToolUse", "agent_id": "a1", "agent_type": "architect", "tool_name": "Read", "tool_use_id": "t1", "tool_input": {}, "tool_response": {}}'
event '{"session_id": "s2", "hook_event_name": "SessionStart", "source": "startup"}'
agentcol &
curl -fsS --retry 30 --retry-connrefused --retry-delay 1 http://127.0.0.1:9465/metrics >before.prom
`;

const runbook = new MarkdownFile('docs/runbook.md');
const needs = programs(runbook);

describe.skipIf(!network.met || !needs.met)(`docs/runbook.md${network.reason}${needs.reason}`, () => {
  test('is right in every command, and no step of the rollback loses a count', async () => {
    using session = new ShellSession(PROGRAM);
    const former = path.join(session.home, 'logs/agent_workflow.db');
    fs.mkdirSync(path.dirname(former));
    const logger = new HookLogger(createAgentWorkflow(former), 'UTC');
    logger.invocationStart({ session: 'former', agent: 'architect', at: Date.now() });
    logger.close();
    const adoption = `printf '{"session_id": "s3", "hook_event_name": "Stop"}' | agentcol hook --database ~/logs/agent_workflow.db`;
    const texts = [RUNNING, adoption, ...textsOf(runbook)];
    const printed = await session.run(texts, { launcher: LAUNCHER, seconds: MAX_SECONDS });
    expect(printed).toHaveLength(texts.length);
    const shown = (name: string) => parseExposition(fs.readFileSync(path.join(session.home, name), 'utf8'));
    for (const name of ['before.prom', 'after.prom', 'rebuilt.prom']) {
      expect(shown(name).get('agent_workflow_sessions_total'), name).toBe(2);
    }
    expect(printed.at(-1)).toMatch(/^ok\n1$/m);
  }, 600_000);
});

const gettingStarted = new MarkdownFile('docs/getting-started.md');
const asked = programs(gettingStarted);

describe.skipIf(!network.met || !asked.met)(`docs/getting-started.md${network.reason}${asked.reason}`, () => {
  test('leads from a built clone to a series in Prometheus', async () => {
    using session = new ShellSession(['${HOME}/.local/bin/agentcol'], ROOT);
    const texts = textsOf(gettingStarted);
    const printed = await session.run(texts, { launcher: LAUNCHER, seconds: MAX_SECONDS });
    expect(printed).toHaveLength(texts.length);
    const all = printed.join('');
    expect(all).toContain('agent_workflow_sessions_total 1\n');
    expect(all).toMatch(/"value":\[[\d.]+,"1"\]/);
    expect(printed.at(-1)).toMatch(/"status":"success".*"values":\[\[\d+,"1"\]/);
  }, 600_000);
});

test('every document whose blocks need other programs is run here', () => {
  expect(testedFiles(true).map(({ name }) => name)).toEqual(['docs/getting-started.md', 'docs/runbook.md']);
});
