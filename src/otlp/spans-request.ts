import { SpanKind, SpanStatusCode, TraceFlags, type SpanContext } from '@opentelemetry/api';
import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import type { Attributes, Span } from '../pipeline/signals.ts';
import { hrTime, resourceOf, SCOPE, serialized, type Encoding } from './origin.ts';

/** As the serializers take it. */
type ReadableSpan = Parameters<typeof ProtobufTraceSerializer.serializeRequest>[0][number];

const KINDS: Readonly<Record<Span['kind'], SpanKind>> = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
};

const STATUS_CODES: Readonly<Record<Span['status'], SpanStatusCode>> = {
  unset: SpanStatusCode.UNSET,
  ok: SpanStatusCode.OK,
  error: SpanStatusCode.ERROR,
};

/** An ExportTraceServiceRequest of these spans. */
export function encodeSpans(spans: readonly Span[], attributes: Attributes, encoding: Encoding): Uint8Array {
  const resource = resourceOf(attributes);
  const serializer = encoding === 'json' ? JsonTraceSerializer : ProtobufTraceSerializer;
  return serialized(serializer.serializeRequest(spans.map((span) => readableSpan(span, resource))));
}

function readableSpan(span: Span, resource: ReadableSpan['resource']): ReadableSpan {
  const { traceId, spanId, parentSpanId, name, kind, startTimeMs, endTimeMs, status, attributes } = span;
  const context = spanContext(traceId, spanId);
  return {
    name,
    kind: KINDS[kind],
    spanContext: () => context,
    ...(parentSpanId === undefined ? {} : { parentSpanContext: spanContext(traceId, parentSpanId) }),
    startTime: hrTime(startTimeMs),
    endTime: hrTime(endTimeMs),
    duration: hrTime(endTimeMs - startTimeMs),
    ended: true,
    status: { code: STATUS_CODES[status] },
    attributes,
    droppedAttributesCount: 0,
    events: [],
    droppedEventsCount: 0,
    links: [],
    droppedLinksCount: 0,
    resource,
    instrumentationScope: SCOPE,
  };
}

/** Nothing is sampled here: what is there is recorded. */
export function spanContext(traceId: string, spanId: string): SpanContext {
  return { traceId, spanId, traceFlags: TraceFlags.SAMPLED };
}
