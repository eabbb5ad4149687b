import fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { AgentcolProcess, type AgentcolOptions } from '../../crash/agentcol-process.ts';
import {
  createAgentWorkflow,
  HookLogger,
  openAgentWorkflow,
  type SchemaOptions,
} from '../../fixtures/agent-workflow.ts';
import { Workspace } from '../../main-job/harness.ts';
import { recount } from '../../oracle/recount.ts';
import type { Samples } from '../../oracle/samples.ts';

const SETTLE_MS = 60_000;
const LOOK_MS = 20;

/** The built agentcol, a database that this process writes, and what becomes of both under a fault. */
export class Subject implements AsyncDisposable {
  readonly workspace = new Workspace();
  readonly database = this.workspace.file('agent_workflow.db');
  logger: HookLogger;
  readonly agentcol: AgentcolProcess;
  #written = 0;

  constructor(options: AgentcolOptions & SchemaOptions = {}) {
    this.logger = new HookLogger(createAgentWorkflow(this.database, options));
    this.agentcol = new AgentcolProcess(this.workspace.folder, this.database, options);
  }

  /** Rows of every table, settled and open, in one commit. */
  write(rows = 20): void {
    this.logger.transaction(() => this.insert(rows));
  }

  /** The same in whatever transaction there is. */
  insert(rows = 20): void {
    const { logger } = this;
    const at = Date.now();
    for (let row = 0; row < rows; row += 1) {
      this.#written += 1;
      const session = `session-${this.#written}`;
      const agent = `agent-${this.#written % 7}`;
      logger.sessionStart(session, at);
      const id = logger.invocationStart({ session, agent, at });
      if (row % 3 !== 0) logger.invocationEnd(id, { at, durationSeconds: 0.5 + (row % 11), status: 'completed' });
      const tool = logger.toolStart({ session, agent, tool: `tool-${row % 5}`, at });
      if (row % 4 !== 0) logger.toolEnd(tool, { at, durationSeconds: 0.01 * row, status: 'error' });
    }
  }

  /** Puts another file in the place of the database, with the same rows. */
  replaceDatabase(): void {
    const copy = this.workspace.file('copy');
    this.logger.db.exec(`VACUUM INTO '${copy}'`);
    this.logger.close();
    for (const suffix of ['-wal', '-shm', '']) fs.rmSync(this.database + suffix, { force: true });
    fs.renameSync(copy, this.database);
    this.logger = new HookLogger(openAgentWorkflow(this.database));
  }

  recount(): Samples {
    return recount(this.database, Date.now(), 'UTC');
  }

  /** What is published becomes equal to the recount. */
  async settles(): Promise<Samples> {
    const published = await this.agentcol.settle(() => this.recount(), SETTLE_MS);
    if (Array.isArray(published)) expect.fail(`published is not what the recount says:\n${published.join('\n')}`);
    return published;
  }

  /** Equal to the recount, and so it stays when more comes, and after a restart. */
  async isWhole(): Promise<void> {
    await this.settles();
    this.write();
    await this.settles();
    expect(await this.agentcol.stop()).toBe(0);
    this.write();
    this.agentcol.start();
    await this.settles();
  }

  /** Resolves when the log has this text, rejects after a while. */
  async logs(text: string): Promise<void> {
    await until(() => this.agentcol.log.includes(text), `the log says "${text}"`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agentcol.kill();
    this.logger.close();
    this.workspace[Symbol.dispose]();
  }
}

/** Resolves when the condition holds; rejects, with its name, when it does not come to that in time. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  name: string,
  withinMs = 30_000,
): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited for: ${name}`);
    await delay(LOOK_MS);
  }
}
