/**
 * What the OpenTelemetry Collector has and this has not, with the reason and what to do instead. Only asked about what
 * this build does not know: a type or setting that comes later makes its entry here unused.
 */
import type { Section } from './sections.ts';

const SELF_CONTAINED = 'agentcol reads local databases only; run the OpenTelemetry Collector for this';

const TYPES: Readonly<Record<Section, Readonly<Record<string, string>>>> = {
  receivers: {
    prometheus: `the prometheus receiver scrapes targets: ${SELF_CONTAINED}`,
    hostmetrics: `the hostmetrics receiver measures the machine: ${SELF_CONTAINED}`,
    otlp: `the otlp receiver takes in data from the network: ${SELF_CONTAINED}`,
    filelog: `the filelog receiver reads text files: ${SELF_CONTAINED}`,
    sqlquery:
      'the sqlquery receiver runs whole queries again and again; use the sqlite receiver, which reads only what is new',
  },
  processors: {
    batch: 'the batch processor has nothing to do here: data is read in pages, which are the batches; remove it',
    memory_limiter:
      'the memory_limiter processor has nothing to do here: memory is bounded, because only one page is read at a time; remove it',
  },
  exporters: {
    logging: 'the logging exporter is gone from the Collector too; agentcol --once prints all metrics',
    prometheusremotewrite: 'nothing is pushed to Prometheus: use the prometheus exporter and let Prometheus scrape it',
  },
  extensions: {
    health_check:
      'the health_check extension is not in this version yet; until it is, ask for /metrics of the prometheus exporter',
    zpages:
      'the zpages extension has no place here: agentcol --config FILE validate and its own metrics say what is going on; remove it',
    pprof: 'the pprof extension profiles Go; start with node --cpu-prof instead, and remove it',
    memory_ballast: 'the memory_ballast extension tunes the Go runtime; remove it',
  },
};

const QUEUE = 'no queue here: the database is the queue, and an exporter that is slow or away is waited for; remove it';

const KEYS: Readonly<Record<Section | 'root' | 'service', Readonly<Record<string, string>>>> = {
  root: {
    connectors: 'connectors are not supported: let two pipelines name the same receiver instead',
  },
  service: {
    readers:
      "no readers here: agentcol's own metrics are served at service::telemetry::metrics::address (127.0.0.1:9466); set that instead",
    traces: 'agentcol traces nothing of itself; remove it',
    resource: "agentcol's own metrics carry no resource; remove it",
  },
  receivers: {
    initial_delay: 'reading starts at once; remove it',
    driver: 'the driver is always SQLite; remove it',
    datasource: 'give the file as database: PATH',
  },
  processors: {},
  exporters: {
    sending_queue: QUEUE,
    metric_expiration: 'series do not expire: totals are kept for as long as the state is; remove it',
    enable_open_metrics: 'each scrape asks for the format it wants (Accept header); remove it',
    send_timestamps:
      'samples carry no timestamps, so that Prometheus stamps them and can tell when they go stale; remove it',
    resource_to_telemetry_conversion: 'there are no resource attributes to convert; remove it',
  },
  extensions: {},
};

export function habitOfType(section: Section, type: string): string | undefined {
  return own(TYPES[section], type);
}

export function habitOfKey(where: keyof typeof KEYS, key: string): string | undefined {
  const reason = own(KEYS[where], key);
  return reason === undefined ? undefined : `${key}: ${reason}`;
}

function own(reasons: Readonly<Record<string, string>>, word: string): string | undefined {
  return Object.hasOwn(reasons, word) ? reasons[word] : undefined;
}
