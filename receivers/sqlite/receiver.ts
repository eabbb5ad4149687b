import { existsSync, type FSWatcher, realpathSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { durationMs } from '../../src/config/fragments.ts';
import type { MetricDefinition, Reader, Receiver, RecordDefinition, Remark } from '../../src/component.ts';
import type { Signal } from '../../src/pipeline/signals.ts';
import type { MappingConfig, SqliteConfig } from './config.ts';
import { filesOf, isGlob } from './databases.ts';
import { DistinctReader } from './distinct-reader.ts';
import { definitionsOf, type Mapping, planMapping } from './mapping.ts';
import { QueryReader } from './query-reader.ts';
import { createSeconds } from './seconds.ts';
import { Source } from './source.ts';
import { TableReader } from './table-reader.ts';

/** How often the files of a glob are looked for. */
const GLOB_INTERVAL_MS = 15_000;

export interface SqliteReceiverOptions {
  readonly config: SqliteConfig;
  /** The presets' and the user's tables, distinct and queries, merged. */
  readonly mapping: MappingConfig;
  /** What to do about a missing file. */
  readonly hint: string;
  readonly now: () => number;
  /** What it makes of rows. */
  readonly signal: Signal;
}

/** Tails the tables of one SQLite database, or of several with one mapping. */
export class SqliteReceiver implements Receiver {
  readonly intervalMs: number;
  readonly metrics: readonly MetricDefinition[];
  readonly records: readonly RecordDefinition[];
  readonly #paths: readonly string[];
  readonly #mapping: Mapping;
  readonly #options: SqliteReceiverOptions;
  readonly #seconds: (value: unknown) => number | null;
  readonly #sources = new Map<string, Source>();
  readonly #watchers = new Map<string, FSWatcher>();
  #readers: readonly Reader[] = [];
  #globbedMs = -Infinity;
  #wake: (() => void) | undefined;

  constructor(options: SqliteReceiverOptions) {
    const { config, mapping } = options;
    this.#options = options;
    this.#paths = typeof config.database === 'string' ? [config.database] : config.database;
    this.#mapping = planMapping(mapping, config, options.signal);
    this.metrics = definitionsOf(this.#mapping);
    this.records = this.#mapping.tables.flatMap(({ records }) => records);
    this.#seconds = createSeconds(config.timezone);
    this.intervalMs = durationMs(config.collection_interval);
    this.#findFiles();
  }

  /** Grows when a glob matches a new file. */
  get readers(): readonly Reader[] {
    return this.#readers;
  }

  poll(): void {
    // Either way: a clock that was set back must not keep new files waiting.
    const sinceMs = Math.abs(this.#options.now() - this.#globbedMs);
    if (sinceMs >= GLOB_INTERVAL_MS && this.#paths.some(isGlob)) this.#findFiles();
    for (const source of this.#sources.values()) source.poll();
    if (this.#wake !== undefined) this.#watchFolders();
  }

  watch(wake: () => void): Disposable {
    if (!this.#options.config.watch) return { [Symbol.dispose]: () => undefined };
    this.#wake = wake;
    this.#watchFolders();
    return {
      [Symbol.dispose]: () => {
        this.#wake = undefined;
        for (const watcher of this.#watchers.values()) watcher.close();
        this.#watchers.clear();
      },
    };
  }

  async inspect(): Promise<readonly Remark[]> {
    const { inspectDatabase } = await import('./inspect.ts');
    const { config, mapping } = this.#options;
    const remarks: Remark[] = [];
    const kept =
      config.storage === undefined
        ? 'without storage, all is read again at every start, and what was deleted at the source is forgotten'
        : `totals and positions are kept by ${config.storage}: a restart counts nothing twice and forgets nothing`;
    remarks.push({ severity: 'note', path: ['storage'], message: kept });
    for (const path of this.#paths.filter((path) => isGlob(path) && filesOf(path).length === 0)) {
      remarks.push({ severity: 'note', path: ['database'], message: `waiting for ${path}: no such files yet` });
    }
    for (const source of this.#sources.values()) {
      remarks.push(...(await inspectDatabase(source, { config, mapping, plan: this.#mapping })));
    }
    return remarks;
  }

  shutdown(): Promise<void> {
    for (const source of this.#sources.values()) source.close();
    return Promise.resolve();
  }

  #findFiles(): void {
    this.#globbedMs = this.#options.now();
    const several = this.#paths.length > 1 || this.#paths.some(isGlob);
    for (const path of this.#paths.flatMap(filesOf)) {
      if (this.#sources.has(path)) continue;
      const source = new Source({ path, hint: this.#options.hint, seconds: this.#seconds });
      this.#sources.set(path, source);
      this.#readers = [...this.#readers, ...this.#readersOf(source, several ? `@${path}` : '')];
    }
  }

  #readersOf(source: Source, suffix: string): Reader[] {
    const options = (id: string) => ({
      id: `${id}${suffix}`,
      source,
      now: this.#options.now,
      startAt: this.#options.config.start_at,
      seconds: this.#seconds,
    });
    const { tables, distinct, queries } = this.#mapping;
    return [
      ...tables.map((plan) => new TableReader(plan, options(plan.id))),
      ...distinct.flatMap((plan) =>
        plan.columns.map((column) => {
          const scope = `distinct:${plan.metric.name}`;
          return new DistinctReader(plan, column, scope, options(`${scope}:${column.table}.${column.column}`));
        }),
      ),
      ...queries.map((plan) => new QueryReader(plan, options(`query:${plan.id}`))),
    ];
  }

  /**
   * Watches folders, not files: in WAL mode the main file does not change with a commit, and a replaced file is another
   * one. Where watching is not possible (network file systems, limits), polling remains.
   */
  #watchFolders(): void {
    for (const path of [...this.#sources.keys(), ...this.#paths]) {
      const folder = dirname(path);
      if (this.#watchers.has(folder) || !existsSync(folder)) continue;
      try {
        const names = this.#namesIn(folder);
        const watcher = watch(realpathSync(folder), (_event, name) => {
          if (name === null || names.some((own) => name.startsWith(own))) this.#wake?.();
        });
        watcher.on('error', () => {
          watcher.close();
          this.#watchers.delete(folder);
        });
        this.#watchers.set(folder, watcher);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error)) throw error;
        return;
      }
    }
  }

  /** How the names of files begin that matter in a folder. */
  #namesIn(folder: string): string[] {
    return [...this.#sources.keys(), ...this.#paths]
      .filter((path) => dirname(path) === folder)
      .map((path) => basename(path).split(/[*?]/, 1)[0]!);
  }
}
