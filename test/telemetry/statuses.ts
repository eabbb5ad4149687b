import type { ReaderStatus, Status } from '../../src/component.ts';

export const READER: ReaderStatus = {
  id: 'invocations',
  failure: undefined,
  lastFailure: undefined,
  rowsRead: 100,
  rowsBehind: 7,
  openRows: 3,
  points: 40,
  busy: 2,
  changes: new Map([['older_copy', 1]]),
  skipped: new Map([['negative', 5]]),
  pageDuration: { count: 3, sum: 0.5, bucketCounts: [1, 2, 0], boundaries: [0.01, 1] },
};

/** Two pipelines with a receiver each. */
export function statusOf(readers: readonly ReaderStatus[], others: readonly ReaderStatus[] = []): Status {
  const pipeline = {
    id: 'metrics',
    signal: 'metrics',
    progress: undefined,
    processors: [],
    exporters: ['prometheus'],
    withheld: [],
  } as const;
  return {
    startTimeMs: 0,
    extensions: [],
    pipelines: [
      {
        ...pipeline,
        receivers: [{ id: 'sqlite/agents', readers }],
        withheld: [{ processor: 'filter', metric: 'calls', points: 6 }],
      },
      { ...pipeline, id: 'metrics/2', receivers: [{ id: 'sqlite/others', readers: others }] },
    ],
    exporters: [{ id: 'prometheus', counts: new Map([['metrics', { sent: 12, failed: 1 }]]) }],
  };
}
