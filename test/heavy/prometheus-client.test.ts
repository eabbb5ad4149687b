import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { exposition } from '../../exporters/prometheus/exposition.ts';
import type { Format } from '../../exporters/prometheus/writer.ts';
import { awkwardSource } from '../exporters/prometheus/awkward-source.ts';
import { START_MS } from '../exporters/prometheus/memory-source.ts';
import { requirement } from './requirement.ts';

const VERSION = '0.22.1';
const venv = path.join(import.meta.dirname, `../../.cache/prometheus-client-${VERSION}`);
const python = path.join(venv, 'bin/python');

/** Installs the parsers once, into the cache of this checkout. */
function install(): boolean {
  const imported = () => spawnSync(python, ['-c', 'import prometheus_client']).status === 0;
  if (existsSync(python) && imported()) return true;
  spawnSync('python3', ['-m', 'venv', venv]);
  spawnSync(python, ['-m', 'pip', 'install', '--quiet', `prometheus_client==${VERSION}`]);
  return imported();
}

const client = requirement(`python3 with venv, and prometheus_client ${VERSION} from PyPI`, install());

interface ParsedFamily {
  readonly name: string;
  readonly type: string;
  readonly unit: string;
  readonly documentation: string;
  readonly samples: readonly (readonly [name: string, labels: Readonly<Record<string, string>>, value: string])[];
}

const PARSE = `
import importlib, json, sys
parser = importlib.import_module(sys.argv[1])
families = parser.text_string_to_metric_families(sys.stdin.buffer.read().decode('utf-8'))
print(json.dumps([
    dict(name=f.name, type=f.type, unit=f.unit, documentation=f.documentation,
         samples=[[s.name, s.labels, repr(s.value)] for s in f.samples])
    for f in families]))
`;

function parse(text: string, format: Format): readonly ParsedFamily[] {
  const parser = format === 'text' ? 'prometheus_client.parser' : 'prometheus_client.openmetrics.parser';
  const { status, stdout, stderr } = spawnSync(python, ['-c', PARSE, parser], { input: text, encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return JSON.parse(stdout) as ParsedFamily[];
}

describe.skipIf(!client.met)(`Python's prometheus_client${client.reason}`, () => {
  // The two parsers disagree with the format in nothing else that is used here.
  test.each<Format>(['text', 'openmetrics'])('reads from %s what the source has', (format) => {
    const families = new Map(
      parse(exposition([awkwardSource()], format), format).map((family) => [family.name, family]),
    );
    expect([...families.keys()]).toEqual([
      'agent_workflow_cache_hit_ratio',
      'agent_workflow_database_size_bytes',
      'agent_workflow_invocations_active',
      'agent_workflow_sessions',
      'agent_workflow_temperature_celsius',
      'agent_workflow_tool_calls',
      'gen_ai_execute_tool_duration_seconds',
    ]);

    const calls = families.get('agent_workflow_tool_calls');
    expect(calls?.type).toBe('counter');
    expect(calls?.documentation).toBe('Settled tool calls: a "quoted" word, a back\\slash\nand a second line.');
    const tools = calls?.samples
      .filter(([name]) => name.endsWith('_total'))
      .map(([, labels]) => labels.gen_ai_tool_name);
    expect(new Set(tools)).toEqual(
      new Set([
        'Bash',
        'mcp__files__read',
        'a "quoted" tool',
        'C:\\tools\\x',
        'two\nlines',
        'tab\tand\rreturn',
        'control \u0001\u007f\u0085',
        'nul \uFFFD byte',
        'emoji 😀 and ünïcode',
        'lone \uFFFD surrogate',
        '{braces="in",it}',
        ' # spaces ',
      ]),
    );

    const temperatures = families.get('agent_workflow_temperature_celsius')?.samples ?? [];
    // A negative zero is a zero.
    for (const [, labels, value] of temperatures) {
      expect([labels.value, fromPython(value)]).toEqual([labels.value, Number(labels.value) + 0]);
    }
    expect(temperatures).toHaveLength(11);

    const duration = families.get('gen_ai_execute_tool_duration_seconds');
    expect(duration?.type).toBe('histogram');
    expect(
      duration?.samples.filter(([name, labels]) => name.endsWith('_bucket') && labels.error_type === 'timeout'),
    ).toHaveLength(11);
    expect(duration?.samples).toContainEqual([
      'gen_ai_execute_tool_duration_seconds_bucket',
      { error_type: 'timeout', le: '+Inf' },
      '28',
    ]);
  });

  test('reads units and times of creation from OpenMetrics', () => {
    const families = parse(exposition([awkwardSource()], 'openmetrics'), 'openmetrics');
    expect(Object.fromEntries(families.map(({ name, unit }) => [name, unit]))).toMatchObject({
      agent_workflow_cache_hit_ratio: 'ratio',
      agent_workflow_database_size_bytes: 'bytes',
      agent_workflow_sessions: '',
      gen_ai_execute_tool_duration_seconds: 'seconds',
    });
    const created = families.flatMap(({ samples }) => samples.filter(([name]) => name.endsWith('_created')));
    expect(created).toHaveLength(12 + 1 + 2);
    for (const [, , value] of created) expect(Number(value)).toBe(START_MS / 1000);
  });
});

/** A float as Python's repr writes it. */
function fromPython(text: string): number {
  return Number(text.replace(/^(-?)inf$/, '$1Infinity'));
}
