import { existsSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { dirname, join, parse } from 'node:path';
import type { Rotation } from './config.ts';

const DAY_MS = 86_400_000;

/** Renames a full file as the Collector does: "spans.jsonl" to "spans-2026-11-28T01-02-03.004.jsonl". */
export async function rename(path: string, nowMs: number): Promise<void> {
  let timeMs = nowMs;
  while (existsSync(nameOf(path, timeMs))) timeMs += 1;
  await fs.rename(path, nameOf(path, timeMs));
}

function nameOf(path: string, timeMs: number): string {
  const { dir, name, ext } = parse(path);
  const time = new Date(timeMs).toISOString().replaceAll(':', '-').replace('Z', '');
  return join(dir, `${name}-${time}${ext}`);
}

/** Deletes the full files that are too many or too old, by the times in their names. */
export async function deleteOld(path: string, { max_backups, max_days }: Rotation, nowMs: number): Promise<void> {
  const names = await fs.readdir(dirname(path));
  const backups = names
    .flatMap((name) => {
      const timeMs = timeOf(path, name);
      return timeMs === undefined ? [] : [{ name, timeMs }];
    })
    .sort((a, b) => b.timeMs - a.timeMs);
  const old = backups.filter(
    ({ timeMs }, index) =>
      (max_backups > 0 && index >= max_backups) || (max_days > 0 && timeMs < nowMs - max_days * DAY_MS),
  );
  for (const { name } of old) await fs.rm(join(dirname(path), name));
}

/** When a file of that name was full; undefined when it is none of these. */
function timeOf(path: string, file: string): number | undefined {
  const { name, ext } = parse(path);
  if (!file.startsWith(`${name}-`) || !file.endsWith(ext)) return undefined;
  const time = file.slice(name.length + 1, file.length - ext.length);
  const [, date, hour, minute, second] = /^(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d\.\d{3})$/.exec(time) ?? [];
  if (date === undefined) return undefined;
  const timeMs = Date.parse(`${date}T${hour ?? ''}:${minute ?? ''}:${second ?? ''}Z`);
  return Number.isNaN(timeMs) ? undefined : timeMs;
}
