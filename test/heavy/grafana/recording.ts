import fs from 'node:fs';
import path from 'node:path';
import { openAgentWorkflow } from '../../fixtures/agent-workflow.ts';
import { parse, text, type Payload } from '../hooks/payloads.ts';

interface Run {
  readonly agent_name: string;
  readonly duration_seconds: number;
  readonly raw_output: string | null;
}

interface Call {
  readonly agent_name: string | null;
  readonly tool_name: string;
  readonly duration_seconds: number;
}

/** What a recorded database has of complete invocations and tool calls. */
export class Recording {
  readonly runs: readonly Run[];
  readonly calls: readonly Call[];

  constructor(database: string) {
    const db = openAgentWorkflow(database);
    this.runs = db
      .prepare<[], Run>(
        `SELECT agent_name, duration_seconds, raw_output FROM agent_invocations WHERE event_type = 'pre_invocation' AND status = 'completed'`,
      )
      .all();
    this.calls = db
      .prepare<[], Call>(
        `SELECT agent_name, tool_name, duration_seconds FROM agent_tool_uses WHERE status = 'completed'`,
      )
      .all();
    db.close();
  }
}

/** The first recorded requests for permission, each as a call that is begun, asked for and ended, in sessions of their own. */
export function asked(folder: string, requests: number): readonly Payload[] {
  const payloads = fs
    .readdirSync(folder)
    .flatMap((name) => fs.readFileSync(path.join(folder, name), 'utf8').split('\n'))
    .filter((line) => line.includes('"PermissionRequest"'))
    .map(parse)
    .filter((payload) => text(payload, 'hook_event_name') === 'PermissionRequest');
  return payloads.slice(0, requests).flatMap((payload, index) => {
    const request = { ...payload, session_id: `asked-${index}` };
    const call = { ...request, tool_use_id: `toolu_asked_${index}` };
    return [
      { ...call, hook_event_name: 'PreToolUse' },
      request,
      { ...call, hook_event_name: 'PostToolUse', tool_response: {} },
    ];
  });
}
