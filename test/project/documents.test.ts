import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { factories } from '../../src/components.ts';
import { loadConfig } from '../../src/config/config.ts';
import { settingRows } from '../../src/commands/settings-table.ts';
import { parseComponentId } from '../../src/config/fragments.ts';
import { ROOT_SCHEMA, SECTION_NAMES, SECTIONS } from '../../src/config/sections.ts';
import { ConfigError } from '../../src/errors.ts';
import { Folder } from '../config/loading.ts';
import { MarkdownFile, markdownFiles } from './markdown.ts';
import { ROOT } from '../program.ts';

const files = markdownFiles();
const DEFAULT = path.join(ROOT, 'otel-config.yaml');

/** What is wrong with a link, or undefined. Other sites are not asked. */
function fault(from: MarkdownFile, target: string): string | undefined {
  if (/^https:\/\//.test(target)) return undefined;
  if (/^[a-z]+:/.test(target)) return 'links are relative, or https';
  const [file = '', anchor] = target.split('#');
  const name = file === '' ? from.name : path.join(path.dirname(from.name), file);
  if (!fs.existsSync(path.join(ROOT, name))) return `there is no ${name}`;
  if (anchor === undefined) return undefined;
  if (!name.endsWith('.md')) return `${name} has no anchors`;
  return new MarkdownFile(name).anchors.has(anchor) ? undefined : `there is no heading #${anchor} in ${name}`;
}

describe('links', () => {
  test.each(files.map((file) => [file.name, file] as const))('of %s lead somewhere', (_, file) => {
    const faults = file.links.flatMap(({ target, line }) => {
      const reason = fault(file, target);
      return reason === undefined ? [] : [`line ${line}: ${target}: ${reason}`];
    });
    expect(faults).toEqual([]);
  });

  test('of alerts lead to a section of the runbook', () => {
    const rules = ['agent_workflow.yml', 'agentcol.yml'].map((name) =>
      path.join(ROOT, 'deploy/prometheus/rules', name),
    );
    const urls = rules.flatMap((file) => [...fs.readFileSync(file, 'utf8').matchAll(/runbook_url: (\S+)/g)]);
    expect(urls.length).toBeGreaterThan(0);
    const project = new MarkdownFile('README.md');
    expect(urls.flatMap(([, url = '']) => fault(project, url) ?? [])).toEqual([]);
  });

  test('that lead nowhere are found', () => {
    const readme = new MarkdownFile('README.md');
    expect(fault(readme, 'docs/none.md')).toBe('there is no docs/none.md');
    expect(fault(readme, 'docs/privacy.md#none')).toBe('there is no heading #none in docs/privacy.md');
    expect(fault(readme, 'docs/privacy.md#the-rule')).toBeUndefined();
    expect(fault(readme, 'http://example.org/')).toBeDefined();
  });
});

/** A YAML block that is one of agentcol's: its keys are those of the configuration. */
function isConfiguration(text: string): boolean {
  const sections = Object.keys(ROOT_SCHEMA.properties);
  const value: unknown = parse(text);
  const keys = typeof value === 'object' && value !== null ? Object.keys(value) : [];
  return keys.length > 0 && keys.every((key) => sections.includes(key));
}

/** What the validator says of a configuration: alone where it is marked as complete, else written over the default one. */
async function faultsOf(text: string, complete: boolean): Promise<readonly string[]> {
  using folder = new Folder();
  folder.write('hash.key', 'k'.repeat(32));
  const file = folder.write('block.yaml', text);
  const env = { AGENTCOL_TOKEN: 't'.repeat(32) };
  try {
    await loadConfig({ files: complete ? [file] : [DEFAULT, file], env, homeDirectory: '/home/me' }, factories);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ message }) => message);
    throw error;
  }
}

describe('configuration', () => {
  const blocks = files.flatMap(({ name, fences }) =>
    fences
      .filter(({ language, text }) => language === 'yaml' && isConfiguration(text))
      .map(({ text, line, words }) => [`${name}:${line}`, text, words.includes('complete')] as const),
  );

  test.each(blocks)('at %s is right', async (_, text, complete) => {
    expect(await faultsOf(text, complete)).toEqual([]);
  });

  test('that is wrong is found', async () => {
    expect(isConfiguration('exporters: {prometheus: {endpont: x}}')).toBe(true);
    expect(await faultsOf('exporters: {prometheus: {endpont: x}}', false)).not.toEqual([]);
    expect(await faultsOf('exporters: {prometheus: }', true)).not.toEqual([]);
  });
});

/** Whether a schema knows a setting by its path: service::telemetry::logs::level, receivers::sqlite/agents::database. */
function isSetting(setting: string): boolean {
  const [root = '', id = '', ...rest] = setting.split('::');
  const section = SECTION_NAMES.find((name) => name === root);
  if (section === undefined) return hasRow(ROOT_SCHEMA, [root, id, ...rest]);
  const type = parseComponentId(id)?.type;
  const factory = factories.find((one) => one.kind === SECTIONS[section] && one.type === type);
  return factory !== undefined && (rest.length === 0 || hasRow(factory.schema, rest));
}

function hasRow(schema: object, wanted: readonly string[]): boolean {
  return settingRows(schema).some(
    ({ path: steps }) =>
      steps.length === wanted.length && steps.every((step, index) => step === '*' || step === wanted[index]),
  );
}

describe('settings', () => {
  const SETTING = new RegExp(`\\b(?:service|${SECTION_NAMES.join('|')})(?:::[A-Za-z0-9_*/-]+)+`, 'g');

  test.each(files.map(({ name }) => name))('that %s names by their paths are there', (name) => {
    const named = fs.readFileSync(path.join(ROOT, name), 'utf8').match(SETTING) ?? [];
    expect(named.filter((setting) => !isSetting(setting))).toEqual([]);
  });

  test('that are not there are found', () => {
    expect(isSetting('service::telemetry::logs::level')).toBe(true);
    expect(isSetting('receivers::sqlite/agents::tables::jobs::metrics::0::name')).toBe(true);
    expect(isSetting('receivers::sqlite/agents::databse')).toBe(false);
    expect(isSetting('exporters::hash')).toBe(false);
    expect(isSetting('service::telemetry::level')).toBe(false);
  });
});
