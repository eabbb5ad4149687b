import type { LogRecord, LogsBatch, Span, TracesBatch } from '../../src/pipeline/signals.ts';

const START_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678) + 0.125;

export const ROOT_SPAN: Span = {
  traceId: '0123456789abcdef0123456789abcdef',
  spanId: '00f067aa0ba902b7',
  name: 'invoke_agent tester',
  kind: 'internal',
  startTimeMs: START_MS,
  endTimeMs: START_MS + 2_500,
  status: 'unset',
  attributes: { 'gen_ai.agent.name': 'tester', attempt: 2, share: 0.5, retried: false },
};

export const CHILD_SPAN: Span = {
  ...ROOT_SPAN,
  spanId: 'fedcba9876543210',
  parentSpanId: ROOT_SPAN.spanId,
  name: 'execute_tool Bash',
  kind: 'client',
  status: 'error',
  attributes: {},
};

export const RECORD: LogRecord = {
  timeMs: START_MS,
  observedTimeMs: START_MS + 1_000,
  eventName: 'agent_workflow.invocation',
  severityNumber: 17,
  body: 'it\u0007 failed',
  attributes: { 'gen_ai.agent.name': 'tester' },
  traceId: ROOT_SPAN.traceId,
  spanId: ROOT_SPAN.spanId,
};

export const TRACES: TracesBatch = { signal: 'traces', spans: [ROOT_SPAN, CHILD_SPAN] };

export const LOGS: LogsBatch = {
  signal: 'logs',
  records: [
    RECORD,
    { timeMs: 0, observedTimeMs: START_MS, eventName: 'agent_workflow.event', severityNumber: 9, attributes: {} },
  ],
};
