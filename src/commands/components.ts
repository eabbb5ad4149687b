import { factories } from '../components.ts';
import type { ComponentFactory } from '../config/config.ts';
import { didYouMean } from '../config/nearest.ts';
import type { ComponentsOptions } from './command-line.ts';
import { print } from './print.ts';
import { describeSettings } from './settings-table.ts';
import { UsageError } from './usage-error.ts';

const KINDS = ['receiver', 'processor', 'exporter', 'extension'] as const;

/** Prints every component type of this build, or the settings of some. Rejects with UsageError for a name that is none. */
export async function components({ names, all, json }: ComponentsOptions): Promise<number> {
  const asked = names.length === 0 ? factories : [...new Set(names.flatMap(named))];
  if (json) {
    const list = asked.map(({ type, aliases, kind, signals, summary, schema }) => ({
      type,
      aliases,
      kind,
      signals,
      summary,
      schema,
    }));
    await print(`${JSON.stringify(list, undefined, 2)}\n`);
  } else if (names.length > 0 || all) await print(asked.map(details).join('\n'));
  else await print(overview());
  return 0;
}

function named(name: string): ComponentFactory[] {
  const found = factories.filter(({ kind, type, aliases = [] }) =>
    [type, ...aliases].some((one) => name === one || name === `${kind}/${one}`),
  );
  if (found.length > 0) return found;
  const types = factories.map(({ type }) => type);
  const known = didYouMean(name, types) || ` (there are: ${types.join(', ')})`;
  throw new UsageError(`unknown component type ${JSON.stringify(name)}${known}`);
}

function overview(): string {
  const width = Math.max(...factories.map((factory) => factory.type.length));
  const sections = KINDS.map((kind) => {
    const lines = factories
      .filter((factory) => factory.kind === kind)
      .map(({ type, signals, summary }) =>
        `  ${type.padEnd(width)}  ${signals.join(', ').padEnd(7)}  ${summary}`.trimEnd(),
      );
    return [`${kind}s:`, ...lines].join('\n');
  });
  return `${sections.join('\n\n')}\n\nagentcol components TYPE... tells the settings of some, --all of all.\n`;
}

function details({ kind, type, aliases = [], signals, summary, schema }: ComponentFactory): string {
  const takes = signals.length > 0 ? ` (${signals.join(', ')})` : '';
  const settings = describeSettings(schema).map((line) => `  ${line}`.trimEnd());
  const also = aliases.length === 0 ? '' : `, also ${aliases.join(', ')}`;
  return [`${kind} ${type}${also}${takes}: ${summary}`, ...settings, ''].join('\n');
}
