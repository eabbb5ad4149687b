import { checkCollector } from './doctor-collector.ts';
import { checkDatabase } from './doctor-database.ts';
import { checkTestEvent } from './doctor-event.ts';
import type { Finding } from './doctor-finding.ts';
import { checkSettings } from './doctor-settings.ts';
import { databasePath, mainFile } from './hooks.ts';
import { lookAtScopes, type LookedAt } from './hooks-status.ts';
import { print } from './print.ts';

interface Options {
  readonly files: readonly string[];
  readonly sets: readonly string[];
  readonly json: boolean;
}

/** Proves that events arrive, or tells where they get lost and what to do; 1 when something failed. Only reads. */
export async function doctor({ files, sets, json }: Options): Promise<number> {
  const scopes = await lookAtScopes({ scope: undefined, settings: undefined });
  const databases = databasesOf(scopes);
  const database = databases[0] ?? (await databasePath(undefined));
  const findings = [
    ...checkSettings(scopes),
    ...(await checkTestEvent(programsOf(scopes))),
    ...(await Promise.all((databases.length === 0 ? [database] : databases).map((one) => checkDatabase(one)))).flat(),
    ...(await checkCollector(files, sets, database)),
  ];
  const failed = findings.some(({ status }) => status === 'fail');
  await print(json ? `${JSON.stringify({ ok: !failed, findings }, undefined, 2)}\n` : report(findings));
  return failed ? 1 : 0;
}

function databasesOf(scopes: readonly LookedAt[]): readonly string[] {
  return [...new Set(scopes.flatMap(({ programs }) => programs.map(({ database }) => database)))];
}

/** What the settings name and is there; of no settings, this program. */
function programsOf(scopes: readonly LookedAt[]): readonly { readonly node: string; readonly main: string }[] {
  const named = scopes.flatMap(({ programs }) => programs);
  if (named.length === 0) return [{ node: process.execPath, main: mainFile() }];
  const there = named.filter((program) => program.node_exists && program.main_exists);
  return [...new Map(there.map(({ node, main }) => [`${node}\0${main}`, { node, main }])).values()];
}

/** "ok    settings   ..." and, below what is not ok, what to do. */
function report(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const lines = findings.map(({ check, status, message, remedy }) => {
    const line = `${status.padEnd(4)}  ${check.padEnd(width)}  ${message}`;
    return remedy === undefined ? line : `${line}\n${' '.repeat(width + 8)}-> ${remedy}`;
  });
  return `${lines.join('\n')}\n`;
}
