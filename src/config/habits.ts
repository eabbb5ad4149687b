/**
 * What the OpenTelemetry Collector has and this has not, with the reason and what to do instead. Only asked about what
 * this build does not know: a type or setting that comes later makes its entry here unused.
 */
import { SECTIONS, type Section } from './sections.ts';

const NOT_LOCAL = 'agentcol reads local databases only; run the OpenTelemetry Collector for this';
const QUEUE = 'the database is the queue, and an exporter that is slow or away is waited for; remove it';

const TYPES: Readonly<Record<Section, Readonly<Record<string, string>>>> = {
  receivers: {
    prometheus: NOT_LOCAL,
    hostmetrics: NOT_LOCAL,
    otlp: NOT_LOCAL,
    filelog: NOT_LOCAL,
    sqlquery: 'it runs whole queries again and again; use the sqlite receiver, which reads only what is new',
  },
  processors: {
    batch: 'data is read in pages, which are the batches; remove it',
    memory_limiter: 'memory is bounded already, because only one page is read at a time; remove it',
  },
  exporters: {
    logging: 'the Collector has dropped it too; agentcol --once prints all metrics',
    prometheusremotewrite: 'nothing is pushed to Prometheus; use the prometheus exporter and let Prometheus scrape it',
  },
  extensions: {
    zpages: "agentcol's own metrics say what is going on; remove it",
    pprof: 'it profiles Go; start with node --cpu-prof instead, and remove it',
    memory_ballast: 'it tunes the Go runtime; remove it',
  },
};

const KEYS: Readonly<Record<Section | 'root', Readonly<Record<string, string>>>> = {
  root: {
    connectors: 'let two pipelines name the same receiver instead',
    readers:
      "agentcol's own metrics are served at service::telemetry::metrics::address (127.0.0.1:9466); set that instead",
    traces: 'agentcol traces nothing of itself; remove it',
    resource: "agentcol's own metrics carry no resource; remove it",
  },
  receivers: {
    initial_delay: 'reading starts at once; remove it',
    driver: 'the driver is always SQLite; remove it',
    datasource: 'give the file as database: PATH',
  },
  processors: {
    from_context: 'nothing arrives over the network; use value or from_attribute',
    converted_type: 'write CAST(x AS TEXT) or the like into the mapping of the receiver',
    detectors: 'nothing is detected; use actions such as {key: host.name, value: ${env:HOSTNAME}, action: insert}',
    error_mode: 'there are no conditions that could fail; remove it',
    metrics: 'conditions of OTTL are not understood; use include and exclude',
  },
  exporters: {
    sending_queue: QUEUE,
    metric_expiration: 'series do not expire: totals are kept for as long as the state is; remove it',
    enable_open_metrics: 'each scrape asks for the format it wants (Accept header); remove it',
    send_timestamps: 'Prometheus stamps samples itself, and so can tell when they go stale; remove it',
    resource_to_telemetry_conversion:
      'the resource is published as target_info; an attributes processor puts an attribute on every series',
  },
  extensions: {},
};

/** Why a type of another build has no place here; undefined when nothing is known of it. */
export function habitOfType(section: Section, type: string): string | undefined {
  const reason = Object.hasOwn(TYPES[section], type) ? TYPES[section][type] : undefined;
  return reason === undefined ? undefined : `the ${type} ${SECTIONS[section]} has no place here: ${reason}`;
}

/** Likewise of a setting in a section's components, or outside of them (`root`). */
export function habitOfKey(where: Section | 'root', key: string): string | undefined {
  const reason = Object.hasOwn(KEYS[where], key) ? KEYS[where][key] : undefined;
  return reason === undefined ? undefined : `${key} has no place here: ${reason}`;
}
