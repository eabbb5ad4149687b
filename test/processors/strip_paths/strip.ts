import { StripPathsProcessor } from '../../../processors/strip_paths/processor.ts';
import type { Batch } from '../../../src/pipeline/signals.ts';
import { metricsIn } from '../points.ts';
import { testSettings } from '../../component-suite.ts';

const processor = new StripPathsProcessor(
  { attributes: ['*'], mode: 'basename', length: 16 },
  testSettings('strip_paths'),
);

/** What the processor makes of one text. */
export function strip(text: string): string {
  const metric = { name: 'm', type: 'counter', unit: '', description: '', aggregation: 'sum' } as const;
  const batch: Batch = {
    signal: 'metrics',
    metrics: [{ metric, mode: 'delta', points: [{ attributes: { text }, value: [1] }] }],
  };
  const points = metricsIn(processor.process(batch))[0];
  if (points === undefined || !('points' in points)) throw new Error('no points');
  return String(points.points[0]!.attributes.text);
}
