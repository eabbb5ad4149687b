import { expect, test } from 'vitest';
import { encodeLogs } from '../../src/otlp/logs-request.ts';
import { encodeSpans } from '../../src/otlp/spans-request.ts';
import { CHILD_SPAN, LOGS, RECORD, ROOT_SPAN, TRACES } from './batches.ts';
import { decode } from './protobuf.ts';

const RESOURCE = { 'host.name': 'build-7' };

function golden(request: Uint8Array): string {
  const text = JSON.stringify(JSON.parse(Buffer.from(request).toString()), undefined, 2);
  return `${text}\n`.replace(/("version": )"[^"]*"/, '$1"VERSION"');
}

test('spans as OTLP JSON are those of the golden file', async () => {
  await expect(golden(encodeSpans(TRACES.spans, RESOURCE, 'json'))).toMatchFileSnapshot('golden/traces.json.golden');
});

test('log records as OTLP JSON are those of the golden file', async () => {
  await expect(golden(encodeLogs(LOGS.records, RESOURCE, 'json'))).toMatchFileSnapshot('golden/logs.json.golden');
});

const base64 = (hex: string | undefined): string => Buffer.from(hex ?? '', 'hex').toString('base64');
const attributes = [{ key: 'gen_ai.agent.name', value: { stringValue: 'tester' } }];

test('spans as protobuf have their ids, parents, times, kinds and statuses', () => {
  const request = decode('ExportTraceServiceRequest', encodeSpans(TRACES.spans, RESOURCE, 'proto'));
  const common = {
    traceId: base64(ROOT_SPAN.traceId),
    startTimeUnixNano: '1767323045678125000',
    endTimeUnixNano: '1767323048178125000',
  };
  expect(request).toMatchObject({
    resourceSpans: [
      {
        scopeSpans: [
          {
            scope: { name: 'agentcol' },
            spans: [
              { ...common, spanId: base64(ROOT_SPAN.spanId), name: ROOT_SPAN.name, kind: 1, status: {} },
              {
                ...common,
                spanId: base64(CHILD_SPAN.spanId),
                parentSpanId: base64(ROOT_SPAN.spanId),
                kind: 3,
                status: { code: 2 },
              },
            ],
          },
        ],
      },
    ],
  });
});

test('log records as protobuf have their event, severity, times and trace context', () => {
  const request = decode('ExportLogsServiceRequest', encodeLogs(LOGS.records, RESOURCE, 'proto'));
  expect(request).toMatchObject({
    resourceLogs: [
      {
        resource: { attributes: [{ key: 'service.name' }, { key: 'host.name', value: { stringValue: 'build-7' } }] },
        scopeLogs: [
          {
            logRecords: [
              {
                timeUnixNano: '1767323045678125000',
                observedTimeUnixNano: '1767323046678125000',
                eventName: RECORD.eventName,
                severityNumber: 17,
                body: { stringValue: RECORD.body },
                attributes,
                traceId: base64(RECORD.traceId),
                spanId: base64(RECORD.spanId),
              },
              { eventName: 'agent_workflow.event', severityNumber: 9 },
            ],
          },
        ],
      },
    ],
  });
});
