import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { factories } from '../../src/components.ts';
import { loadConfig } from '../../src/config/config.ts';
import { describeError } from '../../src/errors.ts';
import { Workspace } from '../main-job/harness.ts';
import { Marks } from './marks.ts';

/** Settings that are secret. */
const SECRETS = [
  'processors::hash::key',
  'extensions::bearertokenauth::token',
  'extensions::basicauth::htpasswd::inline',
];

/** Stands for the secret. */
const HERE = '(here)';
/** How a secret may be written, rightly or wrongly. Names of variables are told: `${env:NAME}` is no place for a secret. */
const WRITTEN: readonly string[] = [
  ...[HERE, `"${HERE}"`, `"${HERE}`, `'${HERE}`, `"a" ${HERE}`, `"\\${HERE}"`, `"\\x${HERE}"`, `\t${HERE}`],
  ...[`[${HERE}]`, `[${HERE}`, `{${HERE}: 1}`, `{${HERE}}`, `{${HERE}`, `{a: ${HERE}}`, `${HERE}: more`],
  ...[`|\n${HERE}`, `|${HERE}`, `>${HERE}`, `${HERE}\n   ${HERE}: ${HERE}`, `? ${HERE}`, `- ${HERE}`, `#${HERE}`],
  ...[`*${HERE}`, `&${HERE}`, `!${HERE}`, `!${HERE} x`, `!!int ${HERE}`, `!<${HERE}> x`, `!e!${HERE} x`],
  ...[`%${HERE}`, `@${HERE}`, `\`${HERE}\``, `\${env:${HERE}`, '${env:SECRET}', '${env:SECRET}${env:NONE}'],
  ...['${file:secret}', `\${env:NONE:-${HERE}}`, `\${env:NONE:-\${${HERE}`],
];
/** What may follow the name of a setting on the command line. */
const SET = [
  `=${HERE}`,
  `=[${HERE}]`,
  `={${HERE}: 1}`,
  `="${HERE}`,
  `=*${HERE}`,
  `=!${HERE}`,
  `::more=${HERE}`,
  `s=${HERE}`,
];

function configuration(setting: string, text: string): string {
  const of = (name: string, otherwise: string): string => (name === setting ? text : otherwise);
  const [key, token, inline] = SECRETS.map((name) => of(name, '0123456789abcdef'));
  return `receivers:
  sqlite: {database: /nowhere/agents.db, preset: agent_workflow}
processors:
  hash:
    key: ${key}
  strip_paths:
exporters:
  prometheus: {endpoint: "127.0.0.1:0", auth: {authenticator: bearertokenauth}}
extensions:
  bearertokenauth:
    token: ${token}
  basicauth:
    htpasswd:
      inline: ${inline}
service:
  extensions: [bearertokenauth, basicauth]
  pipelines: {metrics: {receivers: [sqlite], processors: [hash, strip_paths], exporters: [prometheus]}}
`;
}

/** All that is printed of a configuration: itself, warnings, mistakes. */
async function told(workspace: Workspace, text: string, sets: readonly string[], secret: string): Promise<string> {
  const file = workspace.file('otel-config.yaml');
  fs.writeFileSync(file, text);
  fs.writeFileSync(workspace.file('secret'), secret);
  try {
    const config = await loadConfig({ files: [file], sets, env: { SECRET: secret } }, factories);
    return [config.print(), ...config.warnings].join('\n');
  } catch (error) {
    return describeError(error);
  }
}

describe.each(SECRETS)('the secret of %s', (setting) => {
  it.each(WRITTEN)('is not told when it is written as %j', async (written) => {
    using workspace = new Workspace();
    const marks = new Marks();
    const secret = marks.at(setting);
    const text = await told(workspace, configuration(setting, written.replaceAll(HERE, secret)), [], secret);
    expect({ text, found: marks.found(text) }).toEqual({ text, found: [] });
  });

  it.each(SET)('is not told when --set has %j behind its name', async (written) => {
    using workspace = new Workspace();
    const marks = new Marks();
    const secret = marks.at(setting);
    const sets = [setting + written.replaceAll(HERE, secret)];
    const text = await told(workspace, configuration('none', ''), sets, secret);
    expect({ text, found: marks.found(text) }).toEqual({ text, found: [] });
  });
});
