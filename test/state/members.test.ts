import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { State, type StateMember } from '../../src/state/state.ts';
import { recorder } from '../pipeline/ledger.ts';
import { Folder, storageIn } from '../pipeline/running.ts';

let folder: Folder;
let state: State;

beforeEach(() => {
  folder = new Folder();
  state = new State({ storage: storageIn(folder.path), logger: recorder(), now: () => 1_000 });
});

afterEach(() => {
  state.close();
  folder[Symbol.dispose]();
});

/** Fails to load as often as `failures` says. */
class Member implements StateMember {
  readonly events: string[] = [];
  failures: number;

  constructor(failures = 0) {
    this.failures = failures;
  }

  load(): void {
    this.events.push('load');
    this.failures -= 1;
    if (this.failures >= 0) throw new Error('disk full');
  }

  write(): void {
    this.events.push('write');
  }

  committed(): void {
    this.events.push('committed');
  }

  announce(): void {
    this.events.push('announce');
  }

  resume(): void {
    this.events.push('resume');
  }
}

async function recovered(): Promise<void> {
  await vi.waitFor(() => expect(state.available).toBe(true), { interval: 2, timeout: 5_000 });
}

test('the first member that cannot be loaded is refused', () => {
  expect(() => state.join(new Member(1))).toThrow('disk full');
  expect(state.failure).toBeUndefined();
});

test('another that cannot be loaded waits, and all are loaded again', async () => {
  const [first, second] = [new Member(), new Member(1)];
  state.join(first);
  state.join(second);
  expect(state.failure?.message).toBe('disk full');
  await recovered();
  expect(first.events).toEqual(['load', 'announce', 'load', 'resume']);
  expect(second.events).toEqual(['load', 'load', 'resume']);
});

test('one that joins while the state cannot be used is loaded when it can', async () => {
  const [first, second] = [new Member(), new Member()];
  state.join(first);
  state.fail(new Error('disk full'));
  state.join(second);
  expect(second.events).toEqual([]);
  await recovered();
  expect(second.events).toEqual(['load', 'resume']);
});

test('one that leaves has what it read committed, and is never called again', () => {
  const [first, second] = [new Member(), new Member()];
  state.join(first);
  state.join(second);
  state.changed();
  state.leave(second);
  expect(second.events).toEqual(['load', 'announce', 'write', 'committed', 'announce']);
  state.changed();
  state.commit();
  expect(first.events).toEqual([
    'load',
    'announce',
    'write',
    'committed',
    'announce',
    'write',
    'committed',
    'announce',
  ]);
  expect(second.events).toHaveLength(5);
});

test('one that cannot be loaded once more takes the state down until it can', async () => {
  const member = new Member();
  state.join(member);
  member.failures = 1;
  state.reload(member);
  expect(state.failure?.message).toBe('disk full');
  await recovered();
  expect(member.events).toEqual(['load', 'announce', 'load', 'load', 'resume']);
});
