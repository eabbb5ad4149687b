import { sampleKey, type Samples } from '../oracle/samples.ts';

/** What a file of OTLP JSON lines says. Spans and records as often as they arrived. */
export interface Received {
  /** The last value of each series, as Prometheus would name it. */
  readonly samples: Samples;
  readonly spans: readonly ReceivedSpan[];
  readonly records: readonly ReceivedRecord[];
  /** Monotonic series that were less than before with the same start: never, of an honest sender. */
  readonly fallen: readonly string[];
  /** The attributes of all resources, each once. */
  readonly resources: readonly AttributeValues[];
  /** Messages of which only the beginning was written, when the writer was killed. */
  readonly torn: number;
}

type AttributeValues = Readonly<Record<string, string | number | boolean>>;

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  /** OpenTelemetry's number: 1 is internal. */
  readonly kind: number;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly status: 'unset' | 'ok' | 'error';
  readonly attributes: AttributeValues;
}

export interface ReceivedRecord {
  readonly timeNs: bigint;
  readonly eventName: string;
  readonly severity: number;
  readonly body: string | undefined;
  readonly traceId: string | undefined;
  readonly spanId: string | undefined;
  readonly attributes: AttributeValues;
}

interface KeyValue {
  readonly key: string;
  readonly value: {
    readonly stringValue?: string;
    readonly boolValue?: boolean;
    readonly intValue?: string | number;
    readonly doubleValue?: number;
  };
}

interface Point {
  readonly attributes?: readonly KeyValue[];
  readonly startTimeUnixNano?: string;
  readonly asInt?: string | number;
  readonly asDouble?: number;
  readonly count?: string | number;
  readonly sum?: number;
  readonly bucketCounts?: readonly (string | number)[];
  readonly explicitBounds?: readonly number[];
}

interface OtlpMetric {
  readonly name: string;
  readonly unit?: string;
  readonly sum?: { readonly isMonotonic?: boolean; readonly dataPoints: readonly Point[] };
  readonly gauge?: { readonly dataPoints: readonly Point[] };
  readonly histogram?: { readonly dataPoints: readonly Point[] };
}

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status?: { readonly code?: number };
  readonly attributes?: readonly KeyValue[];
}

interface OtlpRecord {
  readonly timeUnixNano: string;
  readonly eventName?: string;
  readonly severityNumber: number;
  readonly body?: KeyValue['value'];
  readonly traceId?: string;
  readonly spanId?: string;
  readonly attributes?: readonly KeyValue[];
}

interface OfResource {
  readonly resource?: { readonly attributes?: readonly KeyValue[] };
}

/** One line of the OTLP JSON file format: a message of one of the three signals. */
interface Message {
  readonly resourceMetrics?: readonly (OfResource & {
    readonly scopeMetrics: readonly { readonly metrics: readonly OtlpMetric[] }[];
  })[];
  readonly resourceSpans?: readonly (OfResource & {
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
  })[];
  readonly resourceLogs?: readonly (OfResource & {
    readonly scopeLogs: readonly { readonly logRecords: readonly OtlpRecord[] }[];
  })[];
}

/** Each begins with its only key; one that was torn has no line end before the next. */
const MESSAGE = /(?=\{"resource(?:Metrics|Spans|Logs)":)/;

export function received(text: string): Received {
  const samples: Samples = new Map();
  const starts = new Map<string, string>();
  const fallen: string[] = [];
  const spans: ReceivedSpan[] = [];
  const records: ReceivedRecord[] = [];
  const resources = new Map<string, AttributeValues>();
  let torn = 0;
  for (const part of text.split(MESSAGE)) {
    if (part === '') continue;
    const message = parse(part);
    if (message === undefined) {
      torn += 1;
      continue;
    }
    const every = [
      ...(message.resourceMetrics ?? []),
      ...(message.resourceSpans ?? []),
      ...(message.resourceLogs ?? []),
    ];
    for (const { resource } of every) {
      const attributes = valuesOf(resource?.attributes);
      resources.set(JSON.stringify(attributes), attributes);
    }
    for (const { scopeMetrics } of message.resourceMetrics ?? []) {
      for (const metric of scopeMetrics.flatMap(({ metrics }) => metrics)) addMetric(metric);
    }
    for (const { scopeSpans } of message.resourceSpans ?? []) {
      for (const span of scopeSpans.flatMap((scope) => scope.spans)) spans.push(spanOf(span));
    }
    for (const { scopeLogs } of message.resourceLogs ?? []) {
      for (const record of scopeLogs.flatMap(({ logRecords }) => logRecords)) records.push(recordOf(record));
    }
  }
  return { samples, spans, records, fallen, resources: [...resources.values()], torn };

  function addMetric(metric: OtlpMetric): void {
    const name = prometheusName(metric);
    const monotonic = metric.histogram !== undefined || metric.sum?.isMonotonic === true;
    const points = (metric.sum ?? metric.gauge ?? metric.histogram)?.dataPoints ?? [];
    for (const point of points) {
      for (const [key, value] of samplesOf(name, point)) {
        const same = starts.get(key) === point.startTimeUnixNano;
        if (monotonic && same && value < samples.get(key)!) fallen.push(key);
        starts.set(key, point.startTimeUnixNano ?? '');
        samples.set(key, value);
      }
    }
  }
}

function parse(part: string): Message | undefined {
  try {
    return JSON.parse(part) as Message;
  } catch {
    return undefined;
  }
}

const UNITS: Readonly<Record<string, string>> = { s: '_seconds', By: '_bytes' };

/** By the rules that OpenTelemetry has for Prometheus, as far as agentcol's metrics need them. */
function prometheusName({ name, unit = '', sum }: OtlpMetric): string {
  const words = name.replaceAll(/[^\w:]/g, '_');
  return `${words}${UNITS[unit] ?? ''}${sum?.isMonotonic === true ? '_total' : ''}`;
}

function* samplesOf(name: string, point: Point): Generator<[string, number]> {
  const labels: Record<string, string> = {};
  for (const [key, value] of Object.entries(valuesOf(point.attributes))) {
    labels[key.replaceAll(/\W/g, '_')] = String(value);
  }
  if (point.bucketCounts === undefined) {
    yield [sampleKey(name, labels), point.asDouble ?? Number(point.asInt)];
    return;
  }
  let below = 0;
  for (const [index, count] of point.bucketCounts.entries()) {
    below += Number(count);
    const le = point.explicitBounds?.[index];
    yield [sampleKey(`${name}_bucket`, { ...labels, le: le === undefined ? '+Inf' : String(le) }), below];
  }
  yield [sampleKey(`${name}_count`, labels), Number(point.count)];
  yield [sampleKey(`${name}_sum`, labels), point.sum ?? 0];
}

function spanOf(span: OtlpSpan): ReceivedSpan {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: present(span.parentSpanId),
    name: span.name,
    kind: span.kind,
    startNs: BigInt(span.startTimeUnixNano),
    endNs: BigInt(span.endTimeUnixNano),
    status: (['unset', 'ok', 'error'] as const)[span.status?.code ?? 0] ?? 'unset',
    attributes: valuesOf(span.attributes),
  };
}

function recordOf(record: OtlpRecord): ReceivedRecord {
  return {
    timeNs: BigInt(record.timeUnixNano),
    eventName: record.eventName ?? '',
    severity: record.severityNumber,
    body: record.body?.stringValue,
    traceId: present(record.traceId),
    spanId: present(record.spanId),
    attributes: valuesOf(record.attributes),
  };
}

const present = (id: string | undefined): string | undefined => (id === '' ? undefined : id);

function valuesOf(attributes: readonly KeyValue[] = []): AttributeValues {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? value.boolValue ?? value.doubleValue ?? Number(value.intValue ?? 0),
    ]),
  );
}
