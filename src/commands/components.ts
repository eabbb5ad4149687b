import { factories } from '../components.ts';
import { print } from './print.ts';

const KINDS = ['receiver', 'processor', 'exporter', 'extension'] as const;

/** Prints every component type of this build: name, signals, what it does. */
export async function components(): Promise<number> {
  const width = Math.max(...factories.map((factory) => factory.type.length));
  const sections = KINDS.map((kind) => {
    const lines = factories
      .filter((factory) => factory.kind === kind)
      .map(({ type, signals, summary }) =>
        `  ${type.padEnd(width)}  ${signals.join(', ').padEnd(7)}  ${summary}`.trimEnd(),
      );
    return [`${kind}s:`, ...lines].join('\n');
  });
  await print(`${sections.join('\n\n')}\n`);
  return 0;
}
