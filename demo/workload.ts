import { Random } from '../test/fixtures/random.ts';
import { sessionScript, type TimedEvent } from './session-script.ts';

const PROJECTS = ['storefront', 'billing', 'search', 'mobile', 'platform'] as const;
const MINUTE_MS = 60_000;

/** How long people do something else between two sessions, milliseconds. */
interface Pause {
  readonly shortest: number;
  readonly longest: number;
}

const OF_HISTORY: Pause = { shortest: 30 * MINUTE_MS, longest: 180 * MINUTE_MS };
/** Whoever looks at a demo does not wait for an hour until something happens. */
const LIVE: Pause = { shortest: 2_000, longest: 30_000 };

/** A few people whose agents work, one session after the other. Equal seeds and times give equal events. */
export class Workload {
  readonly #people: readonly Person[];

  constructor(startMs: number, seed = 1) {
    this.#people = PROJECTS.map((project, index) => new Person(new Random(seed + index), project, startMs));
  }

  /** What has happened since the last call, up to `untilMs`, in the order of time. */
  *due(untilMs: number): Generator<TimedEvent> {
    for (;;) {
      const [first] = [...this.#people].sort((a, b) => a.nextMs - b.nextMs);
      if (first === undefined || first.nextMs > untilMs) return;
      yield first.next();
    }
  }

  /** From now on nobody pauses for long. */
  hurry(nowMs: number): void {
    for (const person of this.#people) person.hurry(nowMs);
  }
}

class Person {
  readonly #random: Random;
  readonly #project: string;
  #pause = OF_HISTORY;
  #session: readonly TimedEvent[] = [];
  #position = 0;

  constructor(random: Random, project: string, startMs: number) {
    this.#random = random;
    this.#project = project;
    this.#begin(startMs);
  }

  get nextMs(): number {
    return this.#session[this.#position]!.atMs;
  }

  next(): TimedEvent {
    const event = this.#session[this.#position]!;
    this.#position += 1;
    if (this.#position === this.#session.length) this.#begin(event.atMs);
    return event;
  }

  hurry(nowMs: number): void {
    this.#pause = LIVE;
    if (this.#position === 0) this.#begin(nowMs);
  }

  #begin(afterMs: number): void {
    const startMs = afterMs + this.#random.whole(this.#pause.shortest, this.#pause.longest);
    this.#session = sessionScript(this.#random, this.#project, startMs);
    this.#position = 0;
  }
}
