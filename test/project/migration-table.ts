import fs from 'node:fs';
import path from 'node:path';

const FILE = path.resolve(import.meta.dirname, '../../docs/migration.md');
const HEADER = /^\| former family +\| now +\|/;

export interface Migrated {
  /** The name of the former exporter. */
  readonly family: string;
  /** What to ask Prometheus instead. */
  readonly expressions: readonly string[];
  /** Why it cannot be had. */
  readonly reason: string | undefined;
}

/** The tables of docs/migration.md, in their order; lines without a family belong to the one before. */
export function migrationTable(): readonly Migrated[] {
  const families: { family: string; expressions: string[]; reason: string | undefined }[] = [];
  let inside = false;
  for (const line of fs.readFileSync(FILE, 'utf8').split('\n')) {
    if (HEADER.test(line)) inside = true;
    else if (!line.startsWith('|')) inside = false;
    else if (inside && !line.startsWith('| --')) {
      const [former = '', now = ''] = line.slice(2).split(' | ');
      const family = /`(\w+)`/.exec(former)?.[1];
      if (family !== undefined) families.push({ family, expressions: [], reason: undefined });
      const last = families.at(-1);
      if (last === undefined) throw new Error(`docs/migration.md: of which family is this? ${line}`);
      last.expressions.push(...[...now.matchAll(/`([^`]+)`/g)].map(([, expression]) => expression!));
      last.reason ??= /^cannot be had.*/.exec(now)?.[0];
    }
  }
  return families;
}
