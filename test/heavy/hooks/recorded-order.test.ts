import { describe, expect, it } from 'vitest';
import type { HookEvent } from '../../../receivers/claude_code_hooks/event.ts';
import { HookWriter } from '../../../receivers/claude_code_hooks/writer.ts';
import { decoded, finalRows, freshDatabase, rowDifferences } from './in-process.ts';
import { bySession, recorded, recordedFiles } from './payloads.ts';

const START = Date.UTC(2026, 10, 22, 12);
/** Two neighbours race: less than 5 s lie between them. */
const STEP_MS = 400;

/** The events of a session, stamped in the order of the recording. */
function eventsOf(lines: readonly string[]): readonly HookEvent[] {
  return lines.map((line, index) => {
    const event = decoded(line, START + index * STEP_MS);
    if (event.kind === 'refusal') throw new Error(`refused: ${event.reason}`);
    return event;
  });
}

function storedInOrder(events: readonly HookEvent[]): readonly string[] {
  const db = freshDatabase();
  try {
    const writer = new HookWriter(db);
    for (const event of events) writer.write(event);
    return finalRows(db);
  } finally {
    db.close();
  }
}

/** A call without an id is recognised by its time, among others like it: its order matters. */
function carriesIds(event: HookEvent | undefined): boolean {
  return (
    event !== undefined && (event.kind !== 'call' || event.toolUseId !== null) && event.kind !== 'permission_request'
  );
}

describe.skipIf(!recorded.met)(`the recorded sessions${recorded.reason}`, () => {
  const sessions = [...recordedFiles()].flatMap(([name, lines]) =>
    bySession(lines).map((session) => ({ name, lines: session })),
  );

  it('give the same database when every line comes twice in a row', () => {
    for (const { name, lines } of sessions) {
      const events = eventsOf(lines);
      const twice = events.flatMap((event) => [event, event]);
      const expected = storedInOrder(events);
      expect(expected).not.toEqual([]);
      expect([name, ...rowDifferences(expected, storedInOrder(twice))]).toEqual([name]);
    }
  });

  it('give the same database when all lines come once more after the end', () => {
    for (const { name, lines } of sessions) {
      const events = eventsOf(lines);
      expect([name, ...rowDifferences(storedInOrder(events), storedInOrder([...events, ...events]))]).toEqual([name]);
    }
  });

  it('give the same database whichever two neighbours change places', () => {
    let swaps = 0;
    for (const { name, lines } of sessions) {
      const events = eventsOf(lines);
      const expected = storedInOrder(events);
      for (const [index, event] of events.entries()) {
        const next = events[index + 1];
        if (next === undefined || !carriesIds(event) || !carriesIds(next)) continue;
        swaps += 1;
        const swapped = [...events.slice(0, index), next, event, ...events.slice(index + 2)];
        expect([name, index, ...rowDifferences(expected, storedInOrder(swapped))]).toEqual([name, index]);
      }
    }
    console.log(`${swaps} swaps`);
    expect(swaps).toBeGreaterThan(200);
  });

  it('give the same database when all neighbours change places at once', () => {
    for (const { name, lines } of sessions) {
      const events = eventsOf(lines);
      const expected = storedInOrder(events);
      for (const offset of [0, 1]) {
        const swapped = [...events];
        for (let index = offset; index + 1 < events.length; index += 2) {
          if (!carriesIds(events[index]) || !carriesIds(events[index + 1])) continue;
          [swapped[index], swapped[index + 1]] = [events[index + 1]!, events[index]!];
        }
        expect([name, ...rowDifferences(expected, storedInOrder(swapped))]).toEqual([name]);
      }
    }
  });
});
