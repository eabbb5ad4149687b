import type { Problem } from './errors.ts';
import type { Attributes, Batch, LogsBatch, Metric, Signal, Subject, TracesBatch } from './pipeline/signals.ts';

/** A part of the collector with a life of its own. */
export interface Component {
  /** Takes what it needs (sockets, files, locks). Rejects with ConfigError where the user must act. */
  start?(): Promise<void>;
  /** Lets go of everything within 5 s; may be called twice, and without a start. */
  shutdown?(): Promise<void>;
  /** What stands in its way now, while it goes on with what it had: undefined when nothing does. */
  readonly failure?: Failure | undefined;
  /** Waits for others to call: not started where the collector only reads once. */
  readonly listens?: boolean;
  /** For `agentcol validate`: looks at what it would work with. Instead of a start; changes nothing. */
  inspect?(): Promise<readonly Remark[]>;
}

/** What an inspection found. error: it will not work. warning: it will, but badly. note: worth knowing. */
export interface Remark extends Problem {
  readonly severity: 'error' | 'warning' | 'note';
}

/** What code passes to a component, as opposed to Config, which a user writes. */
export interface Settings {
  /** The id in the configuration: `sqlite/agents`. */
  readonly id: string;
  /** Of the pipeline that it works for; undefined for exporters and extensions, which work for all. */
  readonly signal?: Signal;
  /** A receiver is created once for each pipeline and exporter; what it takes in from elsewhere, the first one alone takes in. */
  readonly first?: boolean;
  readonly logger: Logger;
  /** Epoch milliseconds; injected so that tests own the clock. */
  readonly now: () => number;
  /** The storage extension of that id, or the only one that the service starts; undefined when there is none. */
  storage(id?: string): StorageExtension | undefined;
  /** The authenticator extension of that id. Throws ConfigError, its path auth::authenticator, when there is none. */
  authenticator(id: string): Authenticator;
  /** Likewise, of one that has something to show to others. */
  clientAuthenticator(id: string): ClientAuthenticator;
}

/** Messages never hold row contents. warn: nothing is lost. error: data is lost, or an operator must act. */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/**
 * A component type. `schema` is a closed JSON schema (draft-07) of its settings, each with a `description` and, where it
 * may be left out, a `default`: the one source of the type, the validation, the defaults and the README's table.
 * `create` is asynchronous so that the implementation is loaded only when it is configured.
 */
export interface Factory<Config = unknown, Instance extends Component = Component> {
  readonly type: string;
  /** Other names of the type in a configuration. */
  readonly aliases?: readonly string[];
  readonly kind: 'receiver' | 'processor' | 'exporter' | 'extension';
  readonly signals: readonly Signal[];
  /** One sentence for `agentcol components`. */
  readonly summary: string;
  readonly schema: object;
  /** What the schema cannot say; all problems at once. Opens nothing outside the configuration. */
  check?(config: Config): Promise<readonly Problem[]>;
  create(config: Config, settings: Settings): Promise<Instance>;
}

export type ReceiverFactory<Config = unknown> = Factory<Config, Receiver> & { readonly kind: 'receiver' };
export type ProcessorFactory<Config = unknown> = Factory<Config, Processor> & { readonly kind: 'processor' };
export type ExporterFactory<Config = unknown> = Factory<Config, Exporter> & { readonly kind: 'exporter' };
export type ExtensionFactory<Config = unknown> = Factory<Config, Component> & { readonly kind: 'extension' };

// ---------------------------------------------------------------------------------------------------------- receivers

/** Reads a durable source by pulling. Its readers advance independently, each with a position of its own. */
export interface Receiver extends Component {
  readonly readers: readonly Reader[];
  /** What its readers can produce, those of sources that it has not found yet included; absent: what its readers say. */
  readonly metrics?: readonly MetricDefinition[];
  /** Likewise: kinds of spans and log records. */
  readonly records?: readonly RecordDefinition[];
  /** Called once before the readers of each cycle: the one place to look whether anything changed. Never throws. */
  poll(): void;
  /** Calls `wake` when something may be new; polling every `intervalMs` is the fallback. */
  watch(wake: () => void): Disposable;
  readonly intervalMs: number;
}

/** A function from a position to a page. */
export interface Reader {
  /** The key of all its state: renamed, it starts anew. */
  readonly id: string;
  /** Once-keys are shared by the readers of one scope. */
  readonly keyScope: string;
  /** The table that it tails; absent where it is none. Its position then has the highest row id passed, as `cursor`. */
  readonly table?: { readonly file: string; readonly name: string };
  /** The metrics it can produce; a changed digest means that the metric must be rebuilt. Empty where it makes records. */
  readonly metrics: readonly MetricDefinition[];
  /** The spans or log records it can produce; absent: none. */
  readonly records?: readonly RecordDefinition[];
  /**
   * The next page after `state.position` (undefined = the beginning), or undefined when nothing is new or due.
   * Bounded rows, bounded time, one read transaction. Changes nothing: what the page says happens when the sink has it.
   * Throws SourceError when the source cannot be read now.
   */
  read(state: ReaderState): Page | undefined;
  /** Absent where its metrics can only be counted together: then all begin anew when one is redefined. */
  readonly divisible?: {
    /** A reader of these metrics alone, by name; it has a state of its own. */
    readonly only: (metrics: ReadonlySet<string>) => Reader;
    /** Whether two positions of such readers are at the same place: from there on they read the same rows. */
    readonly samePlace: (a: Position, b: Position) => boolean;
  };
}

export interface MetricDefinition {
  readonly metric: Metric;
  /** Of everything that decides what is counted. */
  readonly digest: string;
  /** Names of all attributes that its points may carry, for the privacy rule and `agentcol validate`; default: none. */
  readonly attributes?: readonly string[];
  /** Names of what the values of an attribute are made of, such as columns of the source, for the privacy rule. */
  readonly origins?: ReadonlyMap<string, readonly string[]>;
}

/**
 * A kind of spans or log records. What was sent is never sent anew because its definition has changed. `attributes` and
 * `origins` are as those of metrics, `name` and `body` among them: texts that are made of values leave as attributes do.
 */
export interface RecordDefinition extends Pick<MetricDefinition, 'attributes' | 'origins'> {
  /** Of messages: "spans of tool_calls". */
  readonly title: string;
  /** Of what decides which records a table has: two readers of one table that agree in it make the same ones. */
  readonly digest: string;
}

/** Small plain JSON, meaningful to its reader alone. */
export type Position = Readonly<Record<string, unknown>>;

export interface ReaderState {
  readonly position: Position | undefined;
  /** Open rows by row id. */
  readonly open: ReadonlyMap<number, OpenRow>;
  /** The open row that holds this once-key, if any. */
  openByKey(key: string): OpenRow | undefined;
  /** By row id, the longest absent first: open rows that were gone when they were looked at, should they come back. */
  readonly absent: ReadonlyMap<number, readonly OpenRow[]>;
  /** The absent row that holds this once-key, if any. */
  absentByKey(key: string): OpenRow | undefined;
  /** Whether a page before this one took the once-key; what the page being read takes, its reader knows. */
  seen(key: string): boolean;
  /** A keyed digest, 128 bits as text: what is remembered of a key or an identity, never the text itself. */
  digest(text: string): string;
}

/** A row that is not complete yet. Everything but `contributions` and `expiresAtMs` survives a restart. */
export interface OpenRow {
  readonly rowId: number;
  /** Digest of its identity columns. */
  readonly identity: string;
  /** Digest of its key, where the table has one. */
  readonly key?: string;
  readonly firstSeenMs: number;
  /** Running totals: metric -> the value up to which growth was counted. */
  readonly bases?: Readonly<Record<string, number>>;
  /** What it adds to up-down counters now; absent until it was read since the start. */
  readonly contributions?: readonly Contribution[];
  /** When it will count as abandoned. */
  readonly expiresAtMs?: number;
  /** Not in the source any more, when last looked at. */
  readonly absent?: true;
}

export interface Contribution {
  readonly metric: Metric;
  readonly attributes: Attributes;
  readonly value: number;
}

export interface Page {
  readonly batch: Batch;
  readonly position: Position;
  /** New open rows and changed ones, by row id. */
  readonly opened: readonly OpenRow[];
  /** Row ids that are open no longer. */
  readonly closed: readonly number[];
  /** Rows that are absent from now on, in addition to those before. */
  readonly absent?: readonly OpenRow[];
  /** Rows that are absent no longer: back, or given up. */
  readonly recalled?: readonly OpenRow[];
  /** Once-keys that this page takes. */
  readonly keys: readonly string[];
  /** Rows read, for progress and own telemetry. */
  readonly rows: number;
  /** Rows that are still to be read, as far as the reader can tell; 0 when caught up. */
  readonly remaining: number;
  /** What the reader found to have happened to its source since the last page: counted and logged once. */
  readonly changes?: readonly SourceChange[];
  /** Values left out, by reason: not_a_number, negative, null_key, ... */
  readonly skipped?: Readonly<Record<string, number>>;
  /** Nothing more to read now. */
  readonly caughtUp: boolean;
}

/** Something happened to the source that tailing must know. `reason` is a short stable word; the message tells the consequence. */
export interface SourceChange {
  readonly reason: string;
  readonly message: string;
  /** How often, where it is not once. */
  readonly count?: number;
  /** Part of ordinary use: of interest to those who look for it. */
  readonly routine?: boolean;
}

/** How far a first read is. Rows, as far as the reader can tell. */
export interface Progress {
  readonly read: number;
  readonly total: number;
}

// --------------------------------------------------------------------------------------------------------- processors

/** Synchronous; never changes its input; undefined = nothing left. Pure, but for one that recalls. */
export interface Processor extends Component {
  process(batch: Batch): Batch | undefined;
  /**
   * What becomes of the attributes of a metric, or of a kind of records, for the privacy rule and `agentcol validate`: renamed, added, left out, or
   * treated. undefined: none of it goes on. Absent: anything may.
   */
  traceAttributes?(attributes: readonly TracedAttribute[], subject: Subject): readonly TracedAttribute[] | undefined;
  /** Of one that leaves points alone: what becomes of the resource that everything of the pipeline is about. Once started. */
  resource?(attributes: Attributes): Attributes;
  /** Likewise, by name, for `agentcol validate`. */
  traceResource?(attributes: readonly TracedAttribute[]): readonly TracedAttribute[];
  /**
   * Of one whose answers depend on the series before: called for each series that is kept of earlier runs, as the last
   * processor of the pipeline let it through, before the first batch. Such a processor must be the last.
   */
  recall?(metric: Metric, attributes: Attributes): void;
  /** Points that did not go on as themselves since the start, by metric name: dropped, or folded into others. */
  readonly withheld?: ReadonlyMap<string, number>;
}

/** An attribute on its way to an exporter. */
export interface TracedAttribute {
  readonly name: string;
  /** What was done to its values, in order: "hashed", "paths stripped". */
  readonly treatments: readonly string[];
  /** What can be seen no more: anything of its values, or the folders of absolute paths in them. */
  readonly hidden?: 'values' | 'folders';
  /** What its values were called before: other attributes, columns of the source. */
  readonly origins?: readonly string[];
}

// ---------------------------------------------------------------------------------------------------------- exporters

/** Its factory's `signals` say which of the two it is, or that it is both. */
export type Exporter = MetricsExporter | BatchExporter | (MetricsExporter & BatchExporter);

/** Publishes metric stores; reads them whenever it likes, and hears of every commit. */
export interface MetricsExporter extends Component {
  /** Of one that sends: metric points that the other side took, and that it did not, since the start. Absent: it is asked. */
  readonly pushed?: { readonly sent: number; readonly failed: number };
  /** Publishes these sources from now on, instead of any before. Called before start, and again at a reload. */
  connect(sources: readonly MetricSource[]): void;
}

/** Sends spans and log records. What it has not accepted is read again at the source: it keeps nothing. */
export interface BatchExporter extends Component {
  /**
   * One attempt, bounded in time; resolves once the other side has the batch. Rejects with PermanentError when it never
   * will, with RetryableError or anything else when it may later. Called again only after the last call has ended; calls
   * for different pipelines may overlap.
   */
  export(batch: TracesBatch | LogsBatch, resource: Attributes): Promise<Rejection | undefined>;
  readonly retry: RetryPolicy;
}

/** Some of a batch was refused for good, the rest accepted. */
export interface Rejection {
  readonly rejected: number;
  /** What the other side says; never row contents. */
  readonly message: string;
}

/** The Collector's retry_on_failure. Milliseconds. */
export interface RetryPolicy {
  /** false: what fails once is dropped. */
  readonly enabled: boolean;
  readonly initialMs: number;
  readonly multiplier: number;
  /** 0.5: a pause is half to one and a half times as long. */
  readonly randomizationFactor: number;
  readonly maxMs: number;
  /** How long one batch is tried before it is dropped; 0: for ever. */
  readonly maxElapsedMs: number;
}

/** The committed metrics of one pipeline. */
export interface MetricSource {
  /** The pipeline's id: `metrics`, `metrics/usage`. */
  readonly id: string;
  /** What everything of the pipeline is about: host.name, service.instance.id. Another object once it has changed. */
  readonly resource: Attributes;
  /** undefined once everything has caught up for the first time; before, nothing may be published. */
  progress(): Progress | undefined;
  readonly families: ReadonlyMap<string, Family>;
  /** Calls back, synchronously, after each commit that changed something visible, and when progress() or the resource changes. */
  onCommit(listener: (changes: readonly SeriesChange[]) => void): Disposable;
}

/** One metric and its series by attributesKey. Objects live as long as the metric or series does. */
export interface Family {
  readonly metric: Metric;
  readonly series: ReadonlyMap<string, Series>;
}

export interface Series {
  readonly attributes: Attributes;
  /** Since when the value counts, epoch milliseconds. */
  readonly startTimeMs: number;
  readonly value: number | HistogramValue;
}

export interface HistogramValue {
  readonly count: number;
  readonly sum: number;
  /** One more than the metric's boundaries; not cumulative. */
  readonly bucketCounts: readonly number[];
}

export interface SeriesChange {
  readonly family: Family;
  readonly series: Series;
  readonly removed: boolean;
}

// ------------------------------------------------------------------------------------------------------------- status

/** How the collector is doing: live, counts since the start. Computed when it is asked for, so not for every row. */
export interface Status {
  /** Epoch milliseconds. */
  readonly startTimeMs: number;
  readonly extensions: readonly ExtensionStatus[];
  readonly pipelines: readonly PipelineStatus[];
  /** Each once, however many pipelines it is in. */
  readonly exporters: readonly ExporterStatus[];
}

/** What stands in the way of a component. */
export interface Failure {
  /** A short stable word; `error` for what nobody explained. */
  readonly reason: string;
  /** May name files of this machine, never row contents. */
  readonly message: string;
  /** Epoch milliseconds. */
  readonly sinceMs: number;
}

export interface ExtensionStatus {
  readonly id: string;
  readonly failure: Failure | undefined;
}

export interface PipelineStatus {
  readonly id: string;
  readonly signal: Signal;
  /** undefined once everything has caught up for the first time. */
  readonly progress: Progress | undefined;
  readonly receivers: readonly ReceiverStatus[];
  /** Ids. */
  readonly processors: readonly string[];
  readonly exporters: readonly string[];
  /** Points that its processors dropped or folded into others, as far as they count them. */
  readonly withheld: readonly { readonly processor: string; readonly metric: string; readonly points: number }[];
}

export interface ReceiverStatus {
  readonly id: string;
  /** Of spans and log records: where they go, each at its own pace; undefined for metrics. */
  readonly exporter?: string;
  readonly readers: readonly ReaderStatus[];
}

export interface ReaderStatus {
  readonly id: string;
  readonly failure: Failure | undefined;
  /** The last one that is over; `untilMs` is epoch milliseconds. */
  readonly lastFailure: (Failure & { readonly untilMs: number }) | undefined;
  readonly rowsRead: number;
  /** Rows still to be read, as the last page told. */
  readonly rowsBehind: number;
  readonly openRows: number;
  /** Points, spans or log records that its pages brought, before any processor. */
  readonly points: number;
  /** How often it was put off because its source was locked. */
  readonly busy: number;
  /** Source changes by reason. */
  readonly changes: ReadonlyMap<string, number>;
  /** Values left out, by reason. */
  readonly skipped: ReadonlyMap<string, number>;
  /** How long reading its pages took, in seconds. */
  readonly pageDuration: HistogramValue & { readonly boundaries: readonly number[] };
}

export interface ExporterStatus {
  readonly id: string;
  /** By signal: metric points, spans and log records that it took, and that it failed to take. */
  readonly counts: ReadonlyMap<Signal, ExporterCounts>;
  readonly failure?: Failure | undefined;
}

export interface ExporterCounts {
  readonly sent: number;
  readonly failed: number;
}

// --------------------------------------------------------------------------------------------------------- extensions

/** An extension that tells others how the collector is doing. */
export interface StatusExtension extends Component {
  /** Called before start, and again at a reload. */
  observe(status: () => Status): void;
}

/** Has what to show to others that ask who is there: the value of an Authorization header. */
export interface ClientAuthenticator extends Component {
  /** Only after start; asked for each request, because it may change. */
  credentials(): string;
}

/** Tells whether those who ask may have an answer. src/http/ holds down how often it is asked. */
export interface Authenticator extends Component {
  /** The value of WWW-Authenticate: how to ask. */
  readonly challenge: string;
  /** Whether the value of an Authorization header is good. Never throws, never rejects; false before the start. */
  authenticate(authorization: string): boolean | Promise<boolean>;
  /**
   * Whether it is known at once to be good, and too long to be guessed however often that is tried: such a one is never held up.
   * Never throws.
   */
  recognizes(authorization: string): boolean;
}

/** A private folder that outlives the process, locked by one collector at a time. */
export interface StorageExtension extends Component {
  /** Absolute path, mode 0700. */
  readonly directory: string;
  /** 32 random bytes, generated once under that name and kept (0600). Only after start. */
  secret(name: string): Buffer;
  /** The folder was taken away: makes it again, locked and with the secrets it had. Throws while that cannot be done. */
  reclaim(): void;
}
