import type { Family, MetricSource, SeriesChange } from '../../src/component.ts';
import type { Attributes, Metric } from '../../src/pipeline/signals.ts';
import { PublishedFamily } from './family.ts';
import { familyName, prometheusType, sampleNames } from './names.ts';
import { distinctResources, TARGET_NAMES, targetInfo } from './target.ts';
import { ENDINGS, type Format } from './writer.ts';

export interface ExpositionOptions {
  /** In front of every name. */
  readonly namespace?: string;
  /** On every series; a series' own attribute of that name wins. */
  readonly const_labels?: Readonly<Record<string, string>>;
}

/** What these sources have now, as a scraper reads it. Says nothing of sources that are still catching up. */
export function exposition(sources: readonly MetricSource[], format: Format, options: ExpositionOptions = {}): string {
  return new Exposition(sources, options).text(format);
}

interface Origin {
  readonly family: PublishedFamily;
  readonly rank: number;
}

/**
 * The exposition of some sources, kept ready: what a change touches is written again, the rest stays as it was. Always
 * equal to an exposition made anew.
 */
export class Exposition {
  readonly #sources: readonly MetricSource[];
  readonly #options: ExpositionOptions;
  /** How many families each source had when they were laid out. */
  #familyCounts: readonly number[] = [];
  /** What each source was about when they were laid out. */
  #resources: readonly Attributes[] = [];
  /** What all sources that are about something are about. */
  #target: Attributes | undefined;
  /** A source's family -> where it is published; undefined for one that is left out. */
  #origins = new Map<Family, Origin | undefined>();
  #families: readonly PublishedFamily[] = [];
  #refusals: readonly string[] = [];
  readonly #ready = new Map<Format, readonly Buffer[]>();
  #held = 0;

  constructor(sources: readonly MetricSource[], options: ExpositionOptions = {}) {
    this.#sources = sources;
    this.#options = options;
    this.#layOut();
  }

  /** Why metrics are left out, one sentence each. */
  get refusals(): readonly string[] {
    return this.#refusals;
  }

  /** Takes in what a commit of `source` changed. */
  apply(source: MetricSource, changes: readonly SeriesChange[]): void {
    this.#ready.clear();
    if (
      this.#familyCounts[this.#sources.indexOf(source)] !== source.families.size ||
      this.#resources[this.#sources.indexOf(source)] !== source.resource ||
      changes.some((change) => !this.#origins.has(change.family))
    ) {
      // Which families share a name depends on all of them. They come from the configuration, so this is rare.
      this.#layOut();
      return;
    }
    for (const { family, series, removed } of changes) {
      const origin = this.#origins.get(family);
      if (removed) origin?.family.remove(series);
      else origin?.family.put(series, origin.rank);
    }
  }

  /**
   * The whole text in pieces, ready to be sent; the same array until something changes. What is in them may then change,
   * too, unless they are held.
   */
  chunks(format: Format): readonly Buffer[] {
    let chunks = this.#ready.get(format);
    if (chunks === undefined) {
      const pieces: Buffer[] = this.#target === undefined ? [] : [Buffer.from(targetInfo(this.#target, format))];
      for (const family of this.#families) family.appendTo(pieces, format, this.#held === 0);
      pieces.push(Buffer.from(ENDINGS[format]));
      this.#ready.set(format, pieces);
      chunks = pieces;
    }
    return chunks;
  }

  /** Leaves what `chunks` gave as it is until the returned function is called, once. */
  hold(): () => void {
    this.#held += 1;
    return () => (this.#held -= 1);
  }

  text(format: Format): string {
    const families = this.#families.map((family) => family.text(format)).join('');
    return targetInfo(this.#target, format) + families + ENDINGS[format];
  }

  /** Lets go of the text in a format that nobody asks for. */
  forget(format: Format): void {
    this.#ready.delete(format);
    for (const family of this.#families) family.forget(format);
  }

  #layOut(): void {
    const { namespace = '', const_labels } = this.#options;
    const constLabels = const_labels === undefined || Object.keys(const_labels).length === 0 ? undefined : const_labels;
    const origins = new Map<Family, Origin | undefined>();
    const published = new Map<string, PublishedFamily>();
    const owners = new Map<string, PublishedFamily>();
    const refusals: string[] = [];
    const resources = distinctResources(this.#sources.map(({ resource }) => resource));
    const target = resources.length === 1 ? resources[0] : undefined;
    if (resources.length > 1) {
      const ids = this.#sources.map(({ id }) => id).join(', ');
      refusals.push(
        `target_info is left out: the pipelines ${ids} have different resources, and there can be one only`,
      );
    }
    let rank = 0;
    for (const source of this.#sources) {
      for (const family of [...source.families.values()].sort(byIdentity)) {
        const { metric } = family;
        const name = familyName(metric, namespace);
        if (name === undefined) {
          refusals.push(`metric ${metric.name} of ${source.id} is left out: no character of its name can be published`);
          origins.set(family, undefined);
          continue;
        }
        if (target !== undefined && sampleNames(name.base, metric.type).some((one) => TARGET_NAMES.includes(one))) {
          refusals.push(`metric ${metric.name} of ${source.id} is left out: its name is that of the resource's metric`);
          origins.set(family, undefined);
          continue;
        }
        let shared = published.get(name.base);
        const rival = shared === undefined ? firstOwner(owners, metric, name.base) : shared;
        if (rival !== undefined && !canShare(rival, name.base, metric)) {
          refusals.push(
            `metric ${metric.name} of ${source.id} is left out: published as ${name.base} it would clash with metric ` +
              `${rival.metric.name}, which has another type, aggregation or other buckets`,
          );
          origins.set(family, undefined);
          continue;
        }
        if (shared === undefined) {
          shared = new PublishedFamily(name, metric, constLabels);
          published.set(name.base, shared);
          for (const sample of sampleNames(name.base, metric.type)) owners.set(sample, shared);
        }
        for (const series of family.series.values()) shared.put(series, rank);
        origins.set(family, { family: shared, rank });
        rank += 1;
      }
    }
    this.#origins = origins;
    this.#target = target;
    this.#resources = this.#sources.map(({ resource }) => resource);
    this.#families = [...published.values()].sort((a, b) => (a.name.base < b.name.base ? -1 : 1));
    this.#refusals = refusals;
    this.#familyCounts = this.#sources.map((source) => source.families.size);
  }
}

/** An order that does not depend on when a metric was first seen: who keeps a name is the same after a restart. */
function byIdentity(a: Family, b: Family): number {
  return identity(a.metric) < identity(b.metric) ? -1 : 1;
}

function identity(metric: Metric): string {
  const { name, type, unit, aggregation, boundaries, description } = metric;
  return JSON.stringify([name, type, unit, aggregation, boundaries, description]);
}

function firstOwner(
  owners: ReadonlyMap<string, PublishedFamily>,
  metric: Metric,
  base: string,
): PublishedFamily | undefined {
  const taken = sampleNames(base, metric.type).find((name) => owners.has(name));
  return taken === undefined ? undefined : owners.get(taken);
}

/** Whether a metric that is called `base` can be published as part of `family`. */
function canShare(family: PublishedFamily, base: string, metric: Metric): boolean {
  return (
    family.name.base === base &&
    prometheusType(family.metric) === prometheusType(metric) &&
    family.metric.aggregation === metric.aggregation &&
    JSON.stringify(family.metric.boundaries) === JSON.stringify(metric.boundaries)
  );
}
