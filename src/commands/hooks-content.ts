import { accessSync, constants, statSync } from 'node:fs';
import Database from 'better-sqlite3';

const READ_TIMEOUT_MS = 500;

/** Columns of every version of the logger that hold text of people or models. */
const HELD = `
  SELECT EXISTS (SELECT 1 FROM agent_launches
                 WHERE coalesce(prompt, result, tool_input, tool_output, error) IS NOT NULL)
      OR EXISTS (SELECT 1 FROM agent_invocations
                 WHERE coalesce(prompt, result_summary, raw_input, raw_output, error) IS NOT NULL)
      OR EXISTS (SELECT 1 FROM agent_tool_uses WHERE coalesce(tool_input, tool_output, error) IS NOT NULL)`;

/** What a database says of prompts, inputs and outputs. */
export interface Content {
  /** capture_content. */
  readonly captured: boolean;
  /** Some are in it. */
  readonly held: boolean;
}

/** Of a database that has been prepared. Throws what SQLite throws. */
export async function contentOf(db: Database.Database): Promise<Content> {
  const { hookSettings } = await import('../../receivers/claude_code_hooks/settings.ts');
  return { captured: hookSettings(db).capture_content, held: db.prepare(HELD).pluck().get() === 1 };
}

/** Lines for people. */
export function describeContent({ captured, held }: Content): readonly string[] {
  if (captured) {
    return ['with prompts, inputs and outputs: capture_content is on (--no-capture-content switches it off)'];
  }
  const lines = ['without prompts, inputs and outputs: capture_content is off'];
  if (held) lines.push('those that were stored before stay until agentcol retention deletes their rows');
  return lines;
}

/** capture_content of a database; null where that cannot be told. Never rejects. */
export async function captureContentOf(file: string): Promise<boolean | null> {
  const { kinshipOf } = await import('../../receivers/claude_code_hooks/database.ts');
  const { hookSettings } = await import('../../receivers/claude_code_hooks/settings.ts');
  try {
    // Reading makes a -shm file, which has to be one that the owner can write.
    if (statSync(file).uid !== process.geteuid?.()) return null;
    accessSync(file, constants.R_OK | constants.W_OK);
    using opened = new Opened(file);
    return kinshipOf(opened.db, file) === 'current' ? hookSettings(opened.db).capture_content : null;
  } catch {
    // Missing, damaged or of another program: doctor tells which.
    return null;
  }
}

class Opened implements Disposable {
  readonly db: Database.Database;

  constructor(file: string) {
    this.db = new Database(file, { readonly: true, fileMustExist: true, timeout: READ_TIMEOUT_MS });
  }

  [Symbol.dispose](): void {
    this.db.close();
  }
}
