import type { Series } from '../../src/component.ts';
import { combine } from '../../src/pipeline/combine.ts';
import { attributesKey, type Attributes, type Metric } from '../../src/pipeline/signals.ts';
import { labelText, type FamilyName } from './names.ts';
import { FamilyWriter, type Format } from './writer.ts';

/**
 * How many lines are written and encoded again when one of them changes: few enough that a change is cheap, enough that
 * a reply of 10 000 lines is some hundred buffers.
 */
const LINES_PER_BLOCK = 32;

interface Member {
  readonly series: Series;
  /** Order among families that are published as one. */
  readonly rank: number;
}

/** A series as it is published: one or more series of the sources that have the same labels. */
interface Entry {
  readonly labels: string;
  readonly members: Member[];
  block: Block;
}

/** More than a block grows by until its numbers have a digit more. */
const SPARE_BYTES = 256;

/** Neighbouring entries and their text. */
class Block {
  readonly entries: Entry[];
  readonly #ready = new Map<Format, Buffer>();
  /** Where the text is written: kept, because buffers are what the garbage collector takes longest to clear away. */
  readonly #room = new Map<Format, Buffer>();

  constructor(entries: Entry[]) {
    this.entries = entries;
    for (const entry of entries) entry.block = this;
  }

  ready(format: Format): Buffer | undefined {
    return this.#ready.get(format);
  }

  /** `inPlace`: nobody is reading what was ready before. */
  keep(format: Format, text: string, inPlace: boolean): Buffer {
    const bytes = Buffer.byteLength(text);
    let room = this.#room.get(format);
    if (room === undefined || !inPlace || room.byteLength < bytes) {
      room = Buffer.allocUnsafeSlow(bytes + SPARE_BYTES);
      this.#room.set(format, room);
    }
    room.write(text);
    const buffer = room.subarray(0, bytes);
    this.#ready.set(format, buffer);
    return buffer;
  }

  forget(format: Format): void {
    this.#ready.delete(format);
    this.#room.delete(format);
  }

  changed(): void {
    this.#ready.clear();
  }
}

/** One family of the exposition: its series sorted by their labels, and their text, kept in blocks. */
export class PublishedFamily {
  readonly name: FamilyName;
  readonly metric: Metric;
  readonly #constLabels: Attributes | undefined;
  readonly #writer: FamilyWriter;
  readonly #entriesPerBlock: number;
  readonly #byLabels = new Map<string, Entry>();
  readonly #bySeries = new Map<Series, Entry>();
  #blocks: Block[] = [];

  constructor(name: FamilyName, metric: Metric, constLabels: Attributes | undefined) {
    this.name = name;
    this.metric = metric;
    this.#constLabels = constLabels;
    this.#writer = new FamilyWriter(name, metric);
    this.#entriesPerBlock = Math.max(1, Math.floor(LINES_PER_BLOCK / this.#writer.linesPerSeries));
  }

  /** Takes in a series, new or changed. */
  put(series: Series, rank: number): void {
    const known = this.#bySeries.get(series);
    if (known === undefined) this.#add(series, rank);
    else known.block.changed();
  }

  remove(series: Series): void {
    const entry = this.#bySeries.get(series);
    if (entry === undefined) return;
    this.#bySeries.delete(series);
    entry.members.splice(
      entry.members.findIndex((member) => member.series === series),
      1,
    );
    const { block } = entry;
    block.changed();
    if (entry.members.length > 0) return;
    this.#byLabels.delete(entry.labels);
    block.entries.splice(block.entries.indexOf(entry), 1);
    if (block.entries.length === 0) this.#blocks.splice(this.#blocks.indexOf(block), 1);
  }

  /**
   * Appends the text of the family in pieces; none while it has no series. What did not change is the same buffer as
   * before; `inPlace`: what changed may be written over what was there.
   */
  appendTo(chunks: Buffer[], format: Format, inPlace: boolean): void {
    if (this.#blocks.length === 0) return;
    chunks.push(Buffer.from(this.#writer.header(format)));
    for (const block of this.#blocks) {
      chunks.push(block.ready(format) ?? block.keep(format, this.#write(block, format), inPlace));
    }
  }

  /** The text of the family, written anew. */
  text(format: Format): string {
    if (this.#blocks.length === 0) return '';
    return this.#writer.header(format) + this.#blocks.map((block) => this.#write(block, format)).join('');
  }

  /** Lets go of the text in one format. */
  forget(format: Format): void {
    for (const block of this.#blocks) block.forget(format);
  }

  #write(block: Block, format: Format): string {
    let text = '';
    for (const { labels, members } of block.entries) {
      text += this.#writer.series(labels, combine(members, this.metric.aggregation), format);
    }
    return text;
  }

  #add(series: Series, rank: number): void {
    const attributes =
      this.#constLabels === undefined ? series.attributes : { ...this.#constLabels, ...series.attributes };
    const labels = labelText(attributes);
    const entry = this.#byLabels.get(labels) ?? this.#insert(labels);
    entry.members.push({ series, rank });
    if (entry.members.length > 1) entry.members.sort(byOrigin);
    entry.block.changed();
    this.#bySeries.set(series, entry);
  }

  #insert(labels: string): Entry {
    const last = this.#blocks.length - 1;
    const index = Math.max(
      0,
      lastIndexWhere(this.#blocks.length, (at) => this.#blocks[at]!.entries[0]!.labels < labels),
    );
    const block = this.#blocks[index] ?? new Block([]);
    const entry: Entry = { labels, members: [], block };
    this.#byLabels.set(labels, entry);
    if (last < 0) this.#blocks.push(block);
    const { entries } = block;
    entries.splice(lastIndexWhere(entries.length, (at) => entries[at]!.labels < labels) + 1, 0, entry);
    if (entries.length > this.#entriesPerBlock * 2) {
      this.#blocks.splice(index + 1, 0, new Block(entries.splice(this.#entriesPerBlock)));
      block.changed();
    }
    return entry;
  }
}

function byOrigin(a: Member, b: Member): number {
  if (a.rank !== b.rank) return a.rank - b.rank;
  return attributesKey(a.series.attributes) < attributesKey(b.series.attributes) ? -1 : 1;
}

/** The last index below `length` at which `holds`, which holds up to some index and not beyond; -1 for none. */
function lastIndexWhere(length: number, holds: (index: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
