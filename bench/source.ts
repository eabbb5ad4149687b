import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { HookLogger, openAgentWorkflow } from '../test/fixtures/agent-workflow.ts';
import { generateAgentWorkflow } from '../test/fixtures/generate.ts';
import { Random } from '../test/fixtures/random.ts';

/** Rows of all tables for each generated invocation: itself, 3 tool calls, half a subagent_stop, a twelfth of a session. */
export const ROWS_PER_INVOCATION = 4.583;
/** Everything generated is older than the open_timeout, whenever the benchmark runs. */
const END_MS = Date.UTC(2026, 0, 1);
const AGENTS = ['architect', 'task-planner', 'backend-developer', 'test-developer'];
const TOOLS = ['Bash', 'Read', 'Edit', 'Grep', 'mcp__github__get_issue'];

/** A generated database, made once and kept for the next run; not to be written to. `slim`: without the long texts. */
export function generatedDatabase(invocations: number, slim = false): string {
  const folder = path.join(os.tmpdir(), 'agentcol-bench');
  fs.mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `${slim ? 'slim-' : ''}${invocations}.db`);
  if (fs.existsSync(file)) return file;
  console.error(`generating ${invocations} invocations into ${file}`);
  const unfinished = `${file}.${process.pid}`;
  generateAgentWorkflow(unfinished, { invocations, endMs: END_MS, slim });
  fs.renameSync(unfinished, file);
  return file;
}

/** Writes as the hook logger does, as many rows as asked for, all complete. */
export class RowWriter {
  readonly #logger: HookLogger;
  readonly #random = new Random(7);

  constructor(database: string) {
    const db = openAgentWorkflow(database);
    db.pragma('synchronous = OFF');
    this.#logger = new HookLogger(db);
  }

  close(): void {
    this.#logger.close();
  }

  /** One commit: a quarter invocations, the rest tool calls. */
  commit(rows: number): void {
    this.#logger.transaction(() => {
      for (let row = 0; row < rows; row += 1) this.#add(row % 4 === 0);
    });
  }

  /** One commit of rows that stay open. */
  commitOpen(rows: number): void {
    this.#logger.transaction(() => {
      for (let row = 0; row < rows; row += 1) this.#start(row % 4 === 0);
    });
  }

  #add(invocation: boolean): void {
    const id = this.#start(invocation);
    const end = { at: Date.now(), durationSeconds: this.#random.seconds(0, 1), status: 'completed' };
    if (invocation) this.#logger.invocationEnd(id, { ...end, rawOutput: '{"usage":{"output_tokens":12}}' });
    else this.#logger.toolEnd(id, end);
  }

  #start(invocation: boolean): number {
    const session = `live-${this.#random.whole(0, 5)}`;
    const agent = this.#random.pick(AGENTS);
    const at = Date.now();
    if (invocation) return this.#logger.invocationStart({ session, agent, at });
    return this.#logger.toolStart({ session, agent, tool: this.#random.pick(TOOLS), at });
  }
}
