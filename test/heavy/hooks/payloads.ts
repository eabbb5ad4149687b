import fs from 'node:fs';
import path from 'node:path';
import { requirement } from '../requirement.ts';

const folder = path.join(process.env.AGENTCOL_CORPUS ?? '', 'data/hooks');

export const recorded = requirement('recorded hook payloads ($AGENTCOL_CORPUS/data/hooks)', fs.existsSync(folder));

/** A payload as it was recorded: what a hook gets on its standard input. */
export type Payload = Readonly<Record<string, unknown>>;

/** File name without extension -> its lines, one payload each. */
export function recordedFiles(): ReadonlyMap<string, readonly string[]> {
  const names = recorded.met ? fs.readdirSync(folder).filter((name) => name.endsWith('.jsonl')) : [];
  return new Map(
    names.sort().map((name) => {
      const lines = fs.readFileSync(path.join(folder, name), 'utf8').split('\n');
      return [path.basename(name, '.jsonl'), lines.filter((line) => line !== '')];
    }),
  );
}

export function parse(line: string): Payload {
  const value: unknown = JSON.parse(line);
  if (!isObject(value)) throw new Error('not a payload');
  return value;
}

export function isObject(value: unknown): value is Payload {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The text of a field; undefined where it is absent, empty or something else. */
export function text(payload: Payload, field: string): string | undefined {
  const value = payload[field];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Lines in order within each session; sessions do not depend on each other. */
export function bySession(lines: readonly string[]): readonly (readonly string[])[] {
  const sessions = new Map<unknown, string[]>();
  for (const line of lines) {
    const session = parse(line).session_id;
    const list = sessions.get(session);
    if (list === undefined) sessions.set(session, [line]);
    else list.push(line);
  }
  return [...sessions.values()];
}
