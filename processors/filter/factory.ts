import type { ProcessorFactory } from '../../src/component.ts';
import type { Problem } from '../../src/errors.ts';
import { schema, type Condition, type Config } from './config.ts';

const TESTS = ['value', 'glob', 'regexp', 'present'] as const;

export const filterProcessor: ProcessorFactory<Config> = {
  type: 'filter',
  kind: 'processor',
  signals: ['metrics', 'traces', 'logs'],
  summary: 'Keeps or drops points, spans and log records by names and attributes.',
  schema,
  async check(config) {
    const { patternProblems } = await import('../../src/config/actions.ts');
    const problemsOf = (condition: Condition): Problem[] => [
      ...(TESTS.filter((test) => condition[test] !== undefined).length === 1
        ? []
        : [{ path: [], message: `give one of ${TESTS.join(', ')}` }]),
      ...(condition.regexp === undefined
        ? []
        : patternProblems(condition.regexp).map((message) => ({ path: ['regexp'], message }))),
    ];
    return (['include', 'exclude'] as const).flatMap((list) =>
      (config[list] ?? []).flatMap(({ attributes = [] }, index) =>
        attributes.flatMap((condition, at) =>
          problemsOf(condition).map(({ path, message }) => ({
            path: [list, index, 'attributes', at, ...path],
            message,
          })),
        ),
      ),
    );
  },
  async create(config, settings) {
    const { FilterProcessor } = await import('./processor.ts');
    return new FilterProcessor(config, settings.signal ?? 'metrics');
  },
};
