import fs from 'node:fs';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { sqliteReceiver } from '../../../receivers/sqlite/factory.ts';
import type { Receiver } from '../../../src/component.ts';
import { filledConfig, testSettings } from '../../component-suite.ts';
import { published } from '../../pipeline/ledger.ts';
import { Stepped } from '../../pipeline/running.ts';
import { Workspace } from '../../main-job/harness.ts';

/** One thing that happens to the file; numbers pick among what is there, so that any list of them makes sense. */
export type Turn =
  | { readonly do: 'insert' | 'cut' | 'complete' | 'grow' | 'deleteSome'; readonly size: number }
  | { readonly do: 'restore' | 'overwrite' | 'swap'; readonly pick: number }
  | { readonly do: 'vacuum' | 'dropTable' | 'restart' };

/** What happens between two looks; a copy is kept first, of what was looked at. */
export interface Chapter {
  readonly backup: boolean;
  readonly turns: readonly Turn[];
}

export interface Setting {
  readonly key: boolean;
  readonly id: 'INTEGER PRIMARY KEY' | 'INTEGER PRIMARY KEY AUTOINCREMENT' | 'TEXT';
  readonly journal: 'wal' | 'delete';
}

const size = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 12 }) },
  { weight: 1, arbitrary: fc.integer({ min: 250, max: 900 }) },
);

const turn: fc.Arbitrary<Turn> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constantFrom('insert', 'insert', 'cut', 'complete', 'grow', 'deleteSome'), size }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('restore', 'overwrite', 'swap'), pick: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('vacuum', 'dropTable', 'restart') }) },
);

export const chapters: fc.Arbitrary<Chapter[]> = fc.array(
  fc.record({ backup: fc.boolean(), turns: fc.array(turn, { minLength: 1, maxLength: 3 }) }),
  { minLength: 1, maxLength: 12 },
);

export const setting: fc.Arbitrary<Setting> = fc.record({
  key: fc.boolean(),
  id: fc.constantFrom('INTEGER PRIMARY KEY', 'INTEGER PRIMARY KEY AUTOINCREMENT', 'TEXT'),
  journal: fc.constantFrom('wal', 'delete'),
});

interface Job {
  readonly name: string;
  readonly done: number;
  readonly cost: number;
}

export interface Counts {
  readonly settled: number;
  readonly seen: number;
  readonly open: number;
  readonly cost: number;
}

/** What is right: every job that was there at a look counts once, by its name. */
class Oracle {
  readonly #bases = new Map<string, number>();
  readonly #settled = new Set<string>();
  #cost = 0;
  #open = 0;

  look(jobs: readonly Job[]): void {
    this.#open = 0;
    for (const { name, done, cost } of jobs) {
      if (this.#settled.has(name)) continue;
      this.#cost += Math.max(0, cost - (this.#bases.get(name) ?? 0));
      this.#bases.set(name, cost);
      if (done === 1) this.#settled.add(name);
      else this.#open += 1;
    }
  }

  get counts(): Counts {
    return { settled: this.#settled.size, seen: this.#bases.size, open: this.#open, cost: this.#cost };
  }
}

/** A database whose file is exchanged, cut and renumbered, a reader of it that is moved by hand, and what is right. */
export class TurnedSource {
  readonly #workspace = new Workspace();
  readonly #file = this.#workspace.file('jobs.db');
  readonly #oracle = new Oracle();
  readonly #setting: Setting;
  readonly #backups: string[] = [];
  readonly #parked: string[] = [];
  #database: Database.Database;
  #receiver!: Receiver;
  #stepped!: Stepped;
  #inserted = 0;
  #doubtBefore = 0;

  private constructor(setting: Setting) {
    this.#setting = setting;
    this.#database = this.#create();
  }

  static async begin(setting: Setting): Promise<TurnedSource> {
    const source = new TurnedSource(setting);
    await source.#start();
    return source;
  }

  get right(): Counts {
    return this.#oracle.counts;
  }

  get counted(): Counts {
    const values = published(this.#stepped.store);
    const value = (name: string): number => Number(values[name] ?? 0);
    return { settled: value('jobs'), seen: value('seen'), open: value('open'), cost: value('cost') };
  }

  /** How many rows it said may be counted twice. */
  get doubt(): number {
    return this.#doubtBefore + this.changes('rows_in_doubt');
  }

  /** What was logged at `warn`, but for the reader's name. */
  get warnings(): readonly string[] {
    return this.#stepped.log.lines.flatMap((line) => /^warn jobs: (.*)$/.exec(line)?.[1] ?? []);
  }

  changes(reason: string): number {
    return this.#stepped.reader.status.changes.get(reason) ?? 0;
  }

  /** Everything in between happens without a look; so does the life of the reader, where it is restarted. */
  async tell({ backup, turns }: Chapter): Promise<void> {
    if (backup) this.#keepCopy();
    for (const one of turns) await this.#perform(one);
    this.look();
  }

  look(): void {
    const jobs = this.#database.prepare('SELECT name, done, cost FROM jobs').all() as Job[];
    this.#oracle.look(jobs);
    this.#receiver.poll();
    while (this.#stepped.turn());
    const failure = this.#stepped.reader.failure;
    if (failure !== undefined) throw new Error(failure.message);
    this.#stepped.state.commit();
  }

  exec(sql: string): void {
    this.#database.exec(sql);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
    this.#database.close();
    this.#workspace[Symbol.dispose]();
  }

  #create(): Database.Database {
    const database = this.#open();
    database.exec(`CREATE TABLE IF NOT EXISTS jobs (id ${this.#setting.id}, name TEXT, done INTEGER, cost REAL)`);
    return database;
  }

  #open(): Database.Database {
    const database = new Database(this.#file);
    database.pragma('synchronous = OFF');
    database.pragma(`journal_mode = ${this.#setting.journal}`);
    return database;
  }

  async #start(): Promise<void> {
    const jobs = {
      identity: ['name'],
      ...(this.#setting.key ? { key: 'name' } : {}),
      complete_when: 'done = 1',
      open_timeout: '48h',
      metrics: [
        { name: 'jobs', type: 'counter' },
        { name: 'seen', type: 'counter', of: 'all' },
        { name: 'open', type: 'updowncounter', of: 'open' },
        { name: 'cost', type: 'counter', of: 'open', value: 'cost' },
      ],
    };
    const config = filledConfig(sqliteReceiver, { database: this.#file, tables: { jobs } });
    this.#receiver = await sqliteReceiver.create(config, testSettings('sqlite'));
    this.#stepped = new Stepped(this.#workspace.file('state'), this.#receiver.readers[0]!);
  }

  async #stop(): Promise<void> {
    this.#stepped.state.close();
    await this.#receiver.shutdown?.();
  }

  async #perform(one: Turn): Promise<void> {
    switch (one.do) {
      case 'insert':
        this.#insert(one.size);
        return;
      case 'cut':
        this.exec(`DELETE FROM jobs WHERE rowid IN (SELECT rowid FROM jobs ORDER BY rowid DESC LIMIT ${one.size})`);
        return;
      case 'complete':
        this.exec(`UPDATE jobs SET done = 1 WHERE done = 0 AND rowid % 3 = ${one.size % 3}`);
        return;
      case 'grow':
        this.exec(`UPDATE jobs SET cost = cost + ${one.size} WHERE done = 0`);
        return;
      case 'deleteSome':
        this.exec(`DELETE FROM jobs WHERE rowid % 7 = ${one.size % 7}`);
        return;
      case 'restore':
      case 'overwrite':
        this.#restore(one.pick, one.do === 'overwrite' && this.#setting.journal === 'delete');
        return;
      case 'swap':
        this.#swap(one.pick);
        return;
      case 'vacuum':
        this.exec('VACUUM');
        return;
      case 'dropTable':
        this.exec('DROP TABLE jobs');
        this.#database.close();
        this.#database = this.#create();
        return;
      case 'restart':
        this.#doubtBefore = this.doubt;
        await this.#stop();
        await this.#start();
    }
  }

  #insert(rows: number): void {
    const insert = this.#database.prepare('INSERT INTO jobs (name, done, cost) VALUES (?, ?, 1)');
    this.#database.transaction(() => {
      for (let row = 0; row < rows; row += 1) {
        this.#inserted += 1;
        insert.run(`job ${this.#inserted}`, this.#inserted % 4 === 0 ? 0 : 1);
      }
    })();
  }

  #close(): void {
    if (this.#setting.journal === 'wal') this.#database.pragma('wal_checkpoint(TRUNCATE)');
    this.#database.close();
  }

  #removeCompanions(): void {
    for (const suffix of ['-wal', '-shm']) fs.rmSync(this.#file + suffix, { force: true });
  }

  #keepCopy(): void {
    this.#close();
    const copy = this.#workspace.file(`backup-${this.#backups.length}.db`);
    fs.copyFileSync(this.#file, copy);
    this.#backups.push(copy);
    this.#database = this.#open();
  }

  #restore(pick: number, inPlace: boolean): void {
    const backup = this.#backups[pick % Math.max(1, this.#backups.length)];
    if (backup === undefined) return;
    this.#close();
    if (inPlace) fs.writeFileSync(this.#file, fs.readFileSync(backup));
    else {
      fs.copyFileSync(backup, this.#workspace.file('next.db'));
      this.#removeCompanions();
      fs.renameSync(this.#workspace.file('next.db'), this.#file);
    }
    this.#database = this.#open();
  }

  /** The file goes aside for one that was aside before, or for a new one. */
  #swap(pick: number): void {
    this.#close();
    const next = pick === 0 ? undefined : this.#parked[pick % Math.max(1, this.#parked.length)];
    const aside = this.#workspace.file(`aside-${this.#parked.length}.db`);
    fs.renameSync(this.#file, aside);
    this.#removeCompanions();
    if (next !== undefined) fs.copyFileSync(next, this.#file);
    this.#parked.push(aside);
    this.#database = this.#create();
  }
}

/** Any list of chapters; `numRuns` of them. With a key nothing is off; without, nothing is missed, and doubts are said. */
export async function checkTurns(numRuns: number, only: Partial<Setting> = {}): Promise<void> {
  await fc.assert(
    fc.asyncProperty(setting, chapters, async (one, history) => {
      const actual = { ...one, ...only };
      await using source = await TurnedSource.begin(actual);
      source.look();
      for (const chapter of history) {
        await source.tell(chapter);
        const wrong = whatIsWrong(source, actual.key);
        if (wrong !== undefined) throw new Error(wrong);
      }
    }),
    { numRuns },
  );
}

function whatIsWrong({ counted, right, doubt }: TurnedSource, exact: boolean): string | undefined {
  const told = `counted ${JSON.stringify(counted)}, right is ${JSON.stringify(right)}, ${doubt} in doubt`;
  if (exact || doubt === 0) return JSON.stringify(counted) === JSON.stringify(right) ? undefined : told;
  const names = ['settled', 'seen', 'open'] as const;
  const within = names.every((name) => counted[name] >= right[name] && counted[name] <= right[name] + doubt);
  return within ? undefined : told;
}
