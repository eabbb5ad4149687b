import fs from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { stringify } from 'yaml';
import { exposition } from '../../exporters/prometheus/exposition.ts';
import { openHookDatabase } from '../../receivers/claude_code_hooks/database.ts';
import { decode } from '../../receivers/claude_code_hooks/decode.ts';
import { HooksReceiver } from '../../receivers/claude_code_hooks/receiver.ts';
import { hookDigest, HOOK_SETTINGS } from '../../receivers/claude_code_hooks/settings.ts';
import { HookWriter } from '../../receivers/claude_code_hooks/writer.ts';
import { factories } from '../../src/components.ts';
import { loadConfig } from '../../src/config/config.ts';
import { Service } from '../../src/pipeline/service.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { parseExposition, type Samples } from '../oracle/samples.ts';
import { HOUR, NOON, Workspace } from './harness.ts';

type Event = Readonly<Record<string, unknown>>;

const session = (id: string): Event => ({ session_id: id, hook_event_name: 'SessionStart', source: 'startup' });
const call = (id: string, name: string, tool = 'Bash'): Event => ({
  session_id: 's1',
  hook_event_name: name,
  tool_name: tool,
  tool_use_id: id,
  tool_input: { command: 'ls' },
  ...(name === 'PostToolUse' ? { tool_response: {} } : {}),
});
const completed = (tool: string): RegExp =>
  new RegExp(`^agent_workflow_tool_calls_total\\{(?=[^}]*"${tool}")[^}]*"completed"`);

/** The sum of the samples of a name and labels. */
function sum(samples: Samples, pattern: RegExp): number {
  return [...samples].filter(([key]) => pattern.test(key)).reduce((total, [, value]) => total + value, 0);
}

async function service(workspace: Workspace, nowMs: () => number, listen = true): Promise<Service> {
  const file = workspace.file('otel-config.yaml');
  const config = {
    receivers: {
      claude_code_hooks: {
        endpoint: '127.0.0.1:0',
        database: workspace.file('data', 'agents.db'),
        storage: 'file_storage',
        collection_interval: '20ms',
      },
    },
    exporters: { prometheus: { endpoint: '127.0.0.1:0' } },
    extensions: { file_storage: { directory: workspace.file('state') } },
    service: {
      extensions: ['file_storage'],
      pipelines: { metrics: { receivers: ['claude_code_hooks'], exporters: ['prometheus'] } },
    },
  };
  fs.writeFileSync(file, stringify(config));
  const loaded = await loadConfig({ files: [file] }, factories);
  const logger = createLogger({ level: 'error', stream: process.stderr });
  return await Service.create(loaded, { logger, now: nowMs, listen });
}

describe('events of hooks', () => {
  it('over HTTP and by the command, at the same time, are each counted once, and once only after a restart', async () => {
    using workspace = new Workspace();
    let nowMs = NOON;
    const listen = vi.spyOn(HooksReceiver.prototype, 'start');
    let running = await service(workspace, () => nowMs);
    try {
      await running.start();
      await running.caughtUp();
      const receiver = listen.mock.contexts[0];
      if (!(receiver instanceof HooksReceiver)) throw new Error('no receiver was started');
      const token = fs.readFileSync(workspace.file('state', 'hooks.token'), 'utf8').trim();
      const send = async (event: Event): Promise<void> => {
        const response = await fetch(`http://${receiver.address ?? ''}/hooks`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
          body: JSON.stringify(event),
        });
        expect(response.status).toBe(200);
      };
      const db = openHookDatabase(workspace.file('data', 'agents.db'));
      if (db === undefined) throw new Error('the database was not made');
      const writer = new HookWriter(db);
      const write = (event: Event): void => {
        const decoded = decode(JSON.stringify(event), HOOK_SETTINGS, nowMs + 3, hookDigest(db));
        if (decoded.kind === 'refusal') throw new Error(decoded.detail);
        writer.write(decoded);
      };
      // The start of a session comes by the command, since an agent has no other way for it; the rest by either, or both.
      write(session('s1'));
      await send(call('t1', 'PreToolUse'));
      write(call('t1', 'PostToolUse'));
      for (const name of ['PreToolUse', 'PostToolUse']) {
        await send(call('t2', name));
        write(call('t2', name));
        await send(call('t3', name, 'Read'));
      }
      await send(session('s2'));
      write(session('s2'));
      db.close();
      nowMs += HOUR;
      const expected = { bash: 2, read: 1, sessions: 2 };
      const counted = (): typeof expected => {
        const samples = parseExposition(exposition(running.sources, 'text'));
        return {
          bash: sum(samples, completed('Bash')),
          read: sum(samples, completed('Read')),
          sessions: sum(samples, /^agent_workflow_sessions_total\b/),
        };
      };
      await vi.waitFor(() => expect(counted()).toEqual(expected), { timeout: 8_000, interval: 10 });
      await running.shutdown();
      running = await service(workspace, () => nowMs);
      await running.start();
      await running.caughtUp();
      expect(counted()).toEqual(expected);
    } finally {
      listen.mockRestore();
      await running.shutdown();
    }
  });

  it('are not taken in where a collector only reads once', async () => {
    using workspace = new Workspace();
    const running = await service(workspace, () => NOON, false);
    await running.start();
    await running.caughtUp();
    await running.shutdown();
    expect(fs.existsSync(workspace.file('state', 'hooks.token'))).toBe(false);
    expect(fs.existsSync(workspace.file('data'))).toBe(false);
  });
});
