import { readFileSync } from 'node:fs';
import { describeError } from '../errors.ts';
import { fail, ok, warn, type Finding } from './doctor-finding.ts';
import type { LookedAt } from './hooks-status.ts';

/** Where an administrator's settings are, which win over all others. */
const MANAGED: Readonly<Partial<Record<NodeJS.Platform, string>>> = {
  linux: '/etc/claude-code/managed-settings.json',
  darwin: '/Library/Application Support/ClaudeCode/managed-settings.json',
};

/** Whether the agent is told to call agentcol, once for each event, and a program that is there. */
export function checkSettings(scopes: readonly LookedAt[], managed = MANAGED[process.platform]): readonly Finding[] {
  const installed = scopes.filter(({ events }) => events.length > 0);
  const findings = [
    ...scopes.flatMap(checkFile),
    ...(managed === undefined ? [] : checkManaged(managed)),
    ...installed.flatMap(checkPrograms),
  ];
  if (installed.length === 0) {
    const files = scopes.map(({ file }) => file).join(', ');
    return [...findings, fail('hooks', `no settings name agentcol: ${files}`, 'agentcol hooks install')];
  }
  return [...findings, ...checkEvents(installed)];
}

function checkFile({ scope, file, exists, error, events, disable_all_hooks: disabled }: LookedAt): readonly Finding[] {
  if (!exists) return [];
  if (error !== null) return [fail('settings', `${scope}: ${error}`, 'correct the file: the agent does not read it')];
  if (disabled) {
    return [fail('settings', `${scope}: ${file}: disableAllHooks is true: no hook runs`, 'remove disableAllHooks')];
  }
  const count =
    events.length === 0 ? 'agentcol is not in it' : `${events.length} event${events.length === 1 ? '' : 's'}`;
  return [ok('settings', `${scope}: ${file}: ${count}`)];
}

function checkManaged(file: string): readonly Finding[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return [];
    return [warn('settings', `managed: ${describeError(error)}`, 'see what your administrator has set')];
  }
  const forbidding = ['disableAllHooks', 'allowManagedHooksOnly'].filter((name) =>
    new RegExp(`"${name}"\\s*:\\s*true`).test(text),
  );
  return forbidding.map((name) =>
    fail('settings', `managed: ${file}: ${name} is true: hooks of users do not run`, 'ask your administrator'),
  );
}

function checkPrograms(looked: LookedAt): readonly Finding[] {
  const { scope, programs } = looked;
  const remedy = command('install', looked);
  return programs.flatMap(({ node, main, node_exists: nodeExists, main_exists: mainExists }) => {
    if (!nodeExists) return [fail('program', `${scope}: ${node} is gone, or cannot be run: Node.js has moved`, remedy)];
    if (!mainExists) return [fail('program', `${scope}: ${main} is gone: agentcol has moved`, remedy)];
    return [ok('program', `${scope}: ${node} ${main}`)];
  });
}

function checkEvents(installed: readonly LookedAt[]): readonly Finding[] {
  const fullest = installed.reduce((one, other) => (other.missing.length < one.missing.length ? other : one));
  const missing = installed[0]!.missing.filter((event) => installed.every((one) => one.missing.includes(event)));
  const limited = installed.flatMap((one) => one.limited);
  const events = installed.flatMap((one) => [...one.events, ...one.repeated]);
  const repeated = [...new Set(events.filter((event, index) => events.indexOf(event) !== index))];
  const findings: Finding[] = [];
  if (missing.length > 0)
    findings.push(fail('hooks', `not passed on: ${missing.join(', ')}`, command('install', fullest)));
  if (limited.length > 0) {
    const remedy = installed
      .filter((one) => one.limited.length > 0)
      .map((one) => command('install', one))
      .join(' && ');
    findings.push(fail('hooks', `only some, because of a matcher: ${limited.join(', ')}`, remedy));
  }
  if (repeated.length > 0) {
    const where = installed.length > 1 ? ` (by ${installed.map(({ scope }) => scope).join(' and ')} settings)` : '';
    const surplus = installed.filter((one) => one !== fullest).map((one) => command('uninstall', one));
    const remedy = surplus.length > 0 ? surplus.join(' && ') : command('install', fullest);
    findings.push(warn('hooks', `passed on more than once${where}: ${repeated.join(', ')}`, remedy));
  }
  return findings.length > 0 ? findings : [ok('hooks', 'every event is passed on')];
}

/** To be pasted. */
function command(action: 'install' | 'uninstall', { scope, file }: LookedAt): string {
  return `agentcol hooks ${action} ${scope === 'named' ? `--settings ${file}` : `--scope ${scope}`}`;
}
