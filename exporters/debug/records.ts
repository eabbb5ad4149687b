import type { Attributes, LogRecord, LogsBatch, Span, TracesBatch } from '../../src/pipeline/signals.ts';
import type { Config } from './config.ts';
import { detailedAttributes, labels, plural, printable } from './text.ts';

/** Spans or log records: a summary, and what `verbosity` adds to it, laid out as by the Collector's debug exporter. */
export function describeRecords(
  batch: TracesBatch | LogsBatch,
  resource: Attributes,
  verbosity: Config['verbosity'],
): string {
  const lines = [summary(batch)];
  if (verbosity === 'normal') lines.push(...shortLines(batch));
  if (verbosity === 'detailed') {
    lines.push(...detailedAttributes('Resource attributes:', resource));
    lines.push(
      ...(batch.signal === 'traces' ? batch.spans.flatMap(detailedSpan) : batch.records.flatMap(detailedRecord)),
    );
  }
  return `${lines.map(printable).join('\n')}\n`;
}

function summary(batch: TracesBatch | LogsBatch): string {
  return batch.signal === 'traces'
    ? `traces: ${plural(batch.spans.length, 'span')}`
    : `logs: ${plural(batch.records.length, 'log record')}`;
}

function shortLines(batch: TracesBatch | LogsBatch): string[] {
  return batch.signal === 'traces'
    ? batch.spans.map(({ name, traceId, spanId, attributes }) => `${name} ${traceId} ${spanId}${labels(attributes)}`)
    : batch.records.map(
        ({ eventName, body, attributes }) =>
          `${eventName}${body === undefined ? '' : ` ${JSON.stringify(body)}`}${labels(attributes)}`,
      );
}

function detailedSpan({ traceId, parentSpanId = '', spanId, name, kind, status, ...span }: Span): string[] {
  return [
    'Span',
    `    Trace ID       : ${traceId}`,
    `    Parent ID      : ${parentSpanId}`,
    `    ID             : ${spanId}`,
    `    Name           : ${name}`,
    `    Kind           : ${capital(kind)}`,
    `    Start time     : ${time(span.startTimeMs)}`,
    `    End time       : ${time(span.endTimeMs)}`,
    `    Status code    : ${capital(status)}`,
    ...detailedAttributes('Attributes:', span.attributes),
  ];
}

function detailedRecord({ traceId = '', spanId = '', eventName, body, ...record }: LogRecord): string[] {
  return [
    'LogRecord',
    `ObservedTimestamp: ${time(record.observedTimeMs)}`,
    `Timestamp: ${time(record.timeMs)}`,
    `SeverityNumber: ${record.severityNumber}`,
    `EventName: ${eventName}`,
    ...(body === undefined ? [] : [`Body: ${JSON.stringify(body)}`]),
    ...detailedAttributes('Attributes:', record.attributes),
    `Trace ID: ${traceId}`,
    `Span ID: ${spanId}`,
  ];
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
