import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { claudeCodeHooksReceiver } from '../../../receivers/claude_code_hooks/factory.ts';
import { HooksReceiver } from '../../../receivers/claude_code_hooks/receiver.ts';
import { sqliteReceiver } from '../../../receivers/sqlite/factory.ts';
import type { Settings, StorageExtension } from '../../../src/component.ts';
import { filledConfig, testSettings } from '../../component-suite.ts';

export const hooksReceiver = claudeCodeHooksReceiver(sqliteReceiver);
export const START_MS = Date.UTC(2026, 0, 1);

export const START = { session_id: 's1', hook_event_name: 'SessionStart', source: 'startup' };
export const CALL = {
  session_id: 's1',
  hook_event_name: 'PreToolUse',
  tool_name: 'Bash',
  tool_use_id: 'toolu_1',
  tool_input: { command: 'a canary' },
};

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Headers;
}

/** A receiver on a port of its own, over a folder of its own. */
export class Listening implements AsyncDisposable {
  readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol-hooks-'));
  readonly database = path.join(this.folder, 'data', 'agents.db');
  readonly logged: string[] = [];
  nowMs = START_MS;
  #receiver: HooksReceiver | undefined;

  settings(more: Partial<Settings> = {}): Settings {
    const note = (message: string): void => void this.logged.push(message);
    const storage: StorageExtension = {
      directory: this.folder,
      secret: () => Buffer.alloc(32),
      reclaim: () => undefined,
    };
    return testSettings('claude_code_hooks', {
      logger: { debug: note, info: note, warn: note, error: note },
      now: () => this.nowMs,
      storage: () => storage,
      ...more,
    });
  }

  async create(config: Readonly<Record<string, unknown>> = {}, more: Partial<Settings> = {}): Promise<HooksReceiver> {
    const filled = filledConfig(hooksReceiver, { endpoint: '127.0.0.1:0', database: this.database, ...config });
    const receiver = await hooksReceiver.create(filled, this.settings(more));
    if (!(receiver instanceof HooksReceiver)) throw new Error('another receiver');
    this.#receiver = receiver;
    return receiver;
  }

  async start(config: Readonly<Record<string, unknown>> = {}, more: Partial<Settings> = {}): Promise<this> {
    await (await this.create(config, more)).start();
    return this;
  }

  get token(): string {
    return fs.readFileSync(path.join(this.folder, 'hooks.token'), 'utf8').trim();
  }

  get url(): string {
    return `http://${this.#receiver?.address ?? ''}/hooks`;
  }

  async ask(route: string, init: RequestInit & { readonly duplex?: 'half' }): Promise<Answer> {
    const response = await fetch(`http://${this.#receiver?.address ?? ''}${route}`, init);
    return { status: response.status, body: await response.text(), headers: response.headers };
  }

  post(body: string | ReadableStream<Uint8Array>, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const authorization = `Bearer ${this.token}`;
    return this.ask('/hooks', {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', authorization, ...headers },
      ...(typeof body === 'string' ? {} : { duplex: 'half' }),
    });
  }

  tell(event: Readonly<Record<string, unknown>>): Promise<Answer> {
    return this.post(JSON.stringify(event));
  }

  rows(sql: string): readonly unknown[] {
    const db = new Database(this.database, { readonly: true });
    try {
      return db.prepare<[], unknown>(sql).all();
    } finally {
      db.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#receiver?.shutdown();
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}
