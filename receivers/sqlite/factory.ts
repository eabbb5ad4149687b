import type { ReceiverFactory } from '../../src/component.ts';
import { ConfigError, type Problem } from '../../src/errors.ts';
import type { Signal } from '../../src/pipeline/signals.ts';
import { type MappingConfig, schema, type SqliteConfig } from './config.ts';
import { hasGlobInFolder } from './databases.ts';

export const sqliteReceiver: ReceiverFactory<SqliteConfig> = {
  type: 'sqlite',
  kind: 'receiver',
  signals: ['metrics', 'traces', 'logs'],
  summary: 'Tails tables of an SQLite database into metrics, spans and log records, by a mapping.',
  schema,

  async check(config) {
    const { mappingProblems, unknownNames } = await import('./mapping-problems.ts');
    const { presetNames } = await import('./presets.ts');
    const known = presetNames();
    const problems: Problem[] = presetsOf(config)
      .filter((name) => !known.includes(name))
      .map((name) => ({ path: ['preset'], message: `no preset "${name}"; there are: ${known.join(', ')}` }));
    for (const path of [config.database].flat()) {
      if (hasGlobInFolder(path)) {
        problems.push({ path: ['database'], message: `${path}: * and ? are understood in the file name only` });
      }
    }
    if (!isTimezone(config.timezone)) {
      problems.push({
        path: ['timezone'],
        message: `no time zone "${config.timezone}"; use an IANA name such as Europe/Berlin, UTC or local`,
      });
    }
    if (problems.length > 0) return [...problems, ...mappingProblems(config)];
    const mapping = await mergedMapping(config);
    const { tables, distinct, queries } = mapping;
    if ([tables, distinct, queries].every((section) => Object.keys(section).length === 0)) {
      return [{ path: [], message: 'nothing to read: name a preset, or tables, distinct or queries' }];
    }
    return [...mappingProblems(mapping), ...unknownNames(config, mapping)];
  },

  async create(config, settings) {
    const { SqliteReceiver } = await import('./receiver.ts');
    const hint = presetsOf(config).some((name) => name.startsWith('agent_workflow'))
      ? 'to read another one: AGENT_WORKFLOW_DB=/path/to/agent_workflow.db'
      : `to read another one: receivers::${settings.id}::database`;
    const mapping = await mergedMapping(config);
    const { signal = 'metrics' } = settings;
    if (isEmpty(mapping, signal)) {
      const message = `it is in a pipeline of ${signal}, and no table of its mapping has ${SECTION[signal]}`;
      throw new ConfigError([{ path: [], message }]);
    }
    return new SqliteReceiver({ config, mapping, hint, now: settings.now, signal });
  },
};

/** What of a table is for pipelines of a signal. */
const SECTION = { metrics: 'metrics:', traces: 'spans:', logs: 'logs:' } as const;

function isEmpty({ tables, distinct, queries }: MappingConfig, signal: Signal): boolean {
  const all = Object.values(tables);
  if (signal === 'traces') return all.every(({ spans }) => spans.length === 0);
  if (signal === 'logs') return all.every(({ logs }) => logs.length === 0);
  return (
    [distinct, queries].every((section) => Object.keys(section).length === 0) &&
    all.every(({ metrics }) => metrics.length === 0)
  );
}

function presetsOf(config: SqliteConfig): string[] {
  return [config.preset].flat();
}

/** Presets in order, then the user's own: an id given in both is the user's; maps are merged key by key. */
async function mergedMapping(config: SqliteConfig): Promise<MappingConfig> {
  const { loadPreset } = await import('./presets.ts');
  const parts = [...presetsOf(config).map(loadPreset), config];
  return {
    maps: mergedMaps(parts.map(({ maps }) => maps)),
    tables: Object.assign({}, ...parts.map(({ tables }) => tables)) as MappingConfig['tables'],
    distinct: Object.assign({}, ...parts.map(({ distinct }) => distinct)) as MappingConfig['distinct'],
    queries: Object.assign({}, ...parts.map(({ queries }) => queries)) as MappingConfig['queries'],
  };
}

/** A key given twice is the later one's. */
function mergedMaps(parts: readonly MappingConfig['maps'][]): MappingConfig['maps'] {
  const merged: Record<string, Record<string, string>> = {};
  for (const [name, pairs] of parts.flatMap((maps) => Object.entries(maps)))
    merged[name] = { ...merged[name], ...pairs };
  return merged;
}

function isTimezone(name: string): boolean {
  if (name === 'local') return true;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
