import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { AggregationTemporality, InstrumentType, MeterProvider } from '@opentelemetry/sdk-metrics';
import type { BatchObservableResult, Meter, ObservableCounter, ObservableGauge } from '@opentelemetry/api';
import type { ExporterStatus, Status } from '../component.ts';
import type { Signal } from '../pipeline/signals.ts';
import { pageDurations } from './page-durations.ts';
import { talliesOf, type Tally } from './tally.ts';

export type Level = 'basic' | 'normal' | 'detailed';

export interface Observed {
  readonly level: Level;
  readonly version: string;
  readonly status: () => Status;
  readonly reloadSucceeded: () => boolean;
}

/** agentcol's own metrics in the text format 0.0.4: everything is observed when it is asked for. */
export function ownMetrics(observed: Observed): () => Promise<string> {
  const { level, version, status } = observed;
  const resource = resourceFromAttributes({ 'service.name': 'agentcol', 'service.version': version });
  const by = level === 'detailed' ? 'reader' : 'receiver';
  const exporter = new PresentValues({
    preventServerStart: true,
    metricProducers: level === 'basic' ? [] : [pageDurations({ resource, status, by })],
  });
  const meter = new MeterProvider({ resource, readers: [exporter] }).getMeter('agentcol', version);
  observeProcess(meter, observed);
  observePipelines(meter, observed);
  const serializer = new PrometheusSerializer(undefined, false, undefined, false, true);
  return async () => serializer.serialize((await exporter.collect()).resourceMetrics);
}

/**
 * Gauges show what is observed now. A cumulative reader would repeat for ever what an observable has once said, and a
 * source that failed yesterday would still be down for yesterday's reason.
 */
class PresentValues extends PrometheusExporter {
  override selectAggregationTemporality(instrument: InstrumentType): AggregationTemporality {
    return instrument === InstrumentType.OBSERVABLE_GAUGE
      ? AggregationTemporality.DELTA
      : AggregationTemporality.CUMULATIVE;
  }
}

function observeProcess(meter: Meter, { version, reloadSucceeded }: Observed): void {
  gauge(meter, 'agentcol_build_info', 'The version of agentcol and of what it runs on.').addCallback((result) =>
    result.observe(1, { version, node_version: process.version }),
  );
  gauge(
    meter,
    'agentcol_config_last_reload_successful',
    'Whether the configuration was good when it was last read.',
  ).addCallback((result) => result.observe(reloadSucceeded() ? 1 : 0));
  gauge(meter, 'otelcol_process_memory_rss_bytes', 'Resident memory.', 'By').addCallback((result) =>
    result.observe(process.memoryUsage.rss()),
  );
  counter(meter, 'otelcol_process_uptime_seconds', 'Since the start of the process.', 's').addCallback((result) =>
    result.observe(process.uptime()),
  );
}

function observePipelines(meter: Meter, { level, status }: Observed): void {
  const ofReceivers = receiverInstruments(meter);
  const ofReaders = readerInstruments(meter);
  const ofExporters = exporterInstruments(meter);
  const withheld = counter(
    meter,
    'agentcol_processor_withheld_points',
    'Points that a processor dropped, or folded into an overflow series.',
    '{datapoint}',
  );
  const up = gauge(
    meter,
    'agentcol_component_up',
    'Whether an extension or exporter works: 1, or 0 with the reason why it does not.',
  );
  meter.addBatchObservableCallback(
    (result) => {
      const now = status();
      for (const tally of talliesOf(now, 'receiver')) observeReceiver(result, ofReceivers, tally);
      for (const tally of talliesOf(now, level === 'basic' ? 'receiver' : 'reader')) {
        observeReader(result, ofReaders, tally);
      }
      for (const { id: pipeline, withheld: ofProcessors } of now.pipelines) {
        for (const { processor, metric, points } of ofProcessors) {
          result.observe(withheld, points, { pipeline, processor, metric });
        }
      }
      for (const exporter of now.exporters) {
        for (const [signal, { sent, failed }] of exporter.counts) {
          result.observe(ofExporters[signal].sent, sent, { exporter: exporter.id });
          result.observe(ofExporters[signal].failed, failed, { exporter: exporter.id });
        }
        observeComponent(result, up, 'exporter', exporter);
      }
      for (const extension of now.extensions) observeComponent(result, up, 'extension', extension);
    },
    [
      ...Object.values(ofReceivers.accepted),
      ...Object.values(ofReceivers.others),
      ...Object.values(ofReaders),
      ...Object.values(ofExporters).flatMap(({ sent, failed }) => [sent, failed]),
      withheld,
      up,
    ],
  );
}

function observeComponent(
  result: BatchObservableResult,
  up: ObservableGauge,
  kind: 'exporter' | 'extension',
  { id: component, failure }: Pick<ExporterStatus, 'id' | 'failure'>,
): void {
  result.observe(up, failure === undefined ? 1 : 0, { kind, component, reason: failure?.reason ?? '' });
}

/** As the Collector calls what it counts of a signal, and in words. */
const ITEMS = {
  metrics: { name: 'metric_points', words: 'Metric points', unit: '{datapoint}' },
  traces: { name: 'spans', words: 'Spans', unit: '{span}' },
  logs: { name: 'log_records', words: 'Log records', unit: '{record}' },
} as const;

type PerSignal<T> = Readonly<Record<Signal, T>>;

function perSignal<T>(make: (items: (typeof ITEMS)[Signal]) => T): PerSignal<T> {
  return { metrics: make(ITEMS.metrics), traces: make(ITEMS.traces), logs: make(ITEMS.logs) };
}

function exporterInstruments(meter: Meter): PerSignal<{ sent: ObservableCounter; failed: ObservableCounter }> {
  return perSignal(({ name, words, unit }) => ({
    sent: counter(meter, `otelcol_exporter_sent_${name}`, `${words} that the exporter took.`, unit),
    failed: counter(meter, `otelcol_exporter_send_failed_${name}`, `${words} that the exporter failed to take.`, unit),
  }));
}

function receiverInstruments(meter: Meter) {
  const accepted = perSignal(({ name, words, unit }) =>
    counter(meter, `otelcol_receiver_accepted_${name}`, `${words} that the receiver brought into its pipelines.`, unit),
  );
  const others = {
    busy: counter(meter, 'agentcol_sqlite_busy', 'Reads put off because the database was locked.', '{read}'),
    changes: counter(
      meter,
      'agentcol_sqlite_source_changes',
      'What was found to have happened to a source besides growing.',
      '{change}',
    ),
    skipped: counter(
      meter,
      'agentcol_sqlite_skipped_values',
      'Values left out because they could not be counted.',
      '{value}',
    ),
  };
  return { accepted, others };
}

function observeReceiver(
  result: BatchObservableResult,
  instruments: ReturnType<typeof receiverInstruments>,
  { signal, labels, points, busy, changes, skipped }: Tally,
): void {
  const { accepted, others } = instruments;
  result.observe(accepted[signal], points, labels);
  result.observe(others.busy, busy, labels);
  for (const [reason, count] of changes) result.observe(others.changes, count, { ...labels, reason });
  for (const [reason, count] of skipped) result.observe(others.skipped, count, { ...labels, reason });
}

function readerInstruments(meter: Meter) {
  return {
    read: counter(meter, 'agentcol_sqlite_rows_read', 'Rows read, open rows looked at again included.', '{row}'),
    behind: gauge(meter, 'agentcol_sqlite_rows_behind', 'Rows still to be read.', '{row}'),
    open: gauge(meter, 'agentcol_sqlite_open_rows', 'Rows that are not complete yet.', '{row}'),
    up: gauge(
      meter,
      'agentcol_sqlite_source_up',
      'Whether the source can be read: 1, or 0 with the reason why it cannot.',
    ),
  };
}

function observeReader(
  result: BatchObservableResult,
  instruments: ReturnType<typeof readerInstruments>,
  { labels, rowsRead, rowsBehind, openRows, failure }: Tally,
): void {
  result.observe(instruments.read, rowsRead, labels);
  result.observe(instruments.behind, rowsBehind, labels);
  result.observe(instruments.open, openRows, labels);
  result.observe(instruments.up, failure === undefined ? 1 : 0, { ...labels, reason: failure?.reason ?? '' });
}

/** The serializer adds `_total`. */
function counter(meter: Meter, name: string, description: string, unit = ''): ObservableCounter {
  return meter.createObservableCounter(name, { description, unit });
}

function gauge(meter: Meter, name: string, description: string, unit = ''): ObservableGauge {
  return meter.createObservableGauge(name, { description, unit });
}
