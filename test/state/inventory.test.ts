import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { keptReaders } from '../../src/state/inventory.ts';
import { State } from '../../src/state/state.ts';
import { testSettings } from '../component-suite.ts';

let directory: string;

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'agentcol-inventory-'));
});

afterEach(() => {
  vi.restoreAllMocks();
  fs.rmSync(directory, { recursive: true, force: true });
});

function stateOf(...readers: readonly (readonly [receiver: string, reader: string])[]): State {
  const { logger } = testSettings('state');
  const storage = { directory, secret: () => Buffer.alloc(32), reclaim: () => undefined };
  const state = new State({ storage, logger, now: () => 0 });
  for (const [receiver, reader] of readers) state.sql.addReader.run('metrics', receiver, 'metrics', reader);
  return state;
}

test('a folder without state keeps nothing', () => {
  expect(keptReaders(directory)).toEqual([]);
  expect(fs.readdirSync(directory)).toEqual([]);
});

test('tells every reader once, beside whoever has the state open', () => {
  const state = stateOf(['sqlite/a', 'jobs'], ['sqlite/a', 'jobs+2'], ['sqlite/b', 'query:x+y']);
  expect(keptReaders(directory)).toEqual([
    { pipeline: 'metrics', receiver: 'sqlite/a', sink: 'metrics', reader: 'jobs' },
    { pipeline: 'metrics', receiver: 'sqlite/b', sink: 'metrics', reader: 'query:x+y' },
  ]);
  state.close();
  expect(keptReaders(directory)).toHaveLength(2);
});

test.runIf(process.geteuid !== undefined)('the state of another user is not opened', () => {
  stateOf(['sqlite', 'jobs']).close();
  const uid = process.geteuid!();
  vi.spyOn(process, 'geteuid').mockReturnValue(uid + 1);
  expect(() => keptReaders(directory)).toThrow(`belongs to user id ${uid}`);
});
