import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { requirement } from '../requirement.ts';

const RULES = path.resolve(import.meta.dirname, '../../../deploy/prometheus/rules');
const files = fs.readdirSync(RULES);

const promtool = requirement('promtool (Debian package prometheus)', spawnSync('promtool', ['--version']).status === 0);

interface RuleFile {
  readonly groups: readonly { readonly rules: readonly { readonly alert?: string }[] }[];
}

interface UnitTests {
  readonly tests: readonly {
    readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts: readonly unknown[] }[];
  }[];
}

function check(...words: readonly string[]): { readonly status: number | null; readonly said: string } {
  const { status, stdout, stderr } = spawnSync('promtool', words, { encoding: 'utf8' });
  return { status, said: stdout + stderr };
}

describe.skipIf(!promtool.met)(`promtool${promtool.reason}`, () => {
  it.each(files)('accepts the rules of %s', (file) => {
    const { status, said } = check('check', 'rules', path.join(RULES, file));
    expect(said).toContain('SUCCESS');
    expect(status).toBe(0);
  });

  it.each(files)('sees the alerts of %s fire when they have to, and not otherwise', (file) => {
    const { status, said } = check('test', 'rules', path.join(import.meta.dirname, file));
    expect(said).not.toContain('FAILED');
    expect(status).toBe(0);
  });
});

describe.each(files)('the unit tests of %s', (file) => {
  const rules = parse(fs.readFileSync(path.join(RULES, file), 'utf8')) as RuleFile;
  const { tests } = parse(fs.readFileSync(path.join(import.meta.dirname, file), 'utf8')) as UnitTests;
  const cases = tests.flatMap(({ alert_rule_test }) => alert_rule_test);
  const alerts = rules.groups.flatMap((group) => group.rules.flatMap(({ alert }) => alert ?? []));

  it.each(alerts)('have %s firing and not firing', (alert) => {
    const fires = cases.filter(({ alertname }) => alertname === alert).map(({ exp_alerts }) => exp_alerts.length > 0);
    expect(new Set(fires)).toEqual(new Set([true, false]));
  });
});
