import { JsonLogsSerializer, ProtobufLogsSerializer } from '@opentelemetry/otlp-transformer';
import type { Attributes, LogRecord } from '../pipeline/signals.ts';
import { hrTime, resourceOf, SCOPE, serialized, type Encoding } from './origin.ts';
import { spanContext } from './spans-request.ts';

/** As the serializers take it. */
type ReadableLogRecord = Parameters<typeof ProtobufLogsSerializer.serializeRequest>[0][number];

/** An ExportLogsServiceRequest of these records. */
export function encodeLogs(records: readonly LogRecord[], attributes: Attributes, encoding: Encoding): Uint8Array {
  const resource = resourceOf(attributes);
  const serializer = encoding === 'json' ? JsonLogsSerializer : ProtobufLogsSerializer;
  return serialized(serializer.serializeRequest(records.map((record) => readableLogRecord(record, resource))));
}

function readableLogRecord(record: LogRecord, resource: ReadableLogRecord['resource']): ReadableLogRecord {
  const { timeMs, observedTimeMs, eventName, severityNumber, body, attributes, traceId, spanId = '' } = record;
  return {
    hrTime: hrTime(timeMs),
    hrTimeObserved: hrTime(observedTimeMs),
    eventName,
    ...(isSeverity(severityNumber) ? { severityNumber } : {}),
    ...(body === undefined ? {} : { body }),
    attributes,
    droppedAttributesCount: 0,
    ...(traceId === undefined ? {} : { spanContext: spanContext(traceId, spanId) }),
    resource,
    instrumentationScope: SCOPE,
  };
}

function isSeverity(number: number): number is NonNullable<ReadableLogRecord['severityNumber']> {
  return number >= 1 && number <= 24;
}
