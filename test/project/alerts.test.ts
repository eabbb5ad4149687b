import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ROOT } from '../program.ts';

const FOLDER = path.join(ROOT, 'deploy/prometheus');

interface Alert {
  readonly alert: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

function alertsOf(file: string): readonly Alert[] {
  const { groups } = parse(fs.readFileSync(file, 'utf8')) as {
    readonly groups: readonly { readonly rules: readonly (Alert | { readonly record: string })[] }[];
  };
  return groups.flatMap(({ rules }) => rules.flatMap((rule) => ('alert' in rule ? rule : [])));
}

const alerts = fs.readdirSync(path.join(FOLDER, 'rules')).flatMap((file) => alertsOf(path.join(FOLDER, 'rules', file)));

describe.each(alerts)('the alert $alert', ({ alert, labels, annotations }) => {
  it('says how severe it is, what is the matter and where it is explained', () => {
    expect(['critical', 'warning', 'info']).toContain(labels['severity']);
    expect(annotations).toEqual({
      summary: expect.any(String) as string,
      description: expect.any(String) as string,
      runbook_url: `docs/runbook.md#${alert.toLowerCase()}`,
    });
  });
});

it('deploy/prometheus/README.md lists every alert with its severity and nothing else', () => {
  const readme = fs.readFileSync(path.join(FOLDER, 'README.md'), 'utf8');
  const listed = [...readme.matchAll(/^\| `(Agent\w+)` +\| (\w+) +\|/gm)].map(([, name, severity]) => [name, severity]);
  expect(listed).toEqual(
    [...alerts]
      .sort((a, b) => Number(a.alert.startsWith('Agentcol')) - Number(b.alert.startsWith('Agentcol')))
      .map(({ alert, labels }) => [alert, labels['severity']]),
  );
});
