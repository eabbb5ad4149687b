import fc from 'fast-check';
import { expect } from 'vitest';
import { believableSession } from './believable.ts';
import { Recording, type Stamped } from './recording.ts';

/** That the rows do not depend on the order of arrival, stated as properties of a believable session. */
export const orders = {
  'events that are stored within 5 s of their stamps, in any order': fc.property(
    believableSession.chain((events) =>
      fc
        .array(fc.integer({ min: 0, max: 4999 }), { minLength: events.length, maxLength: events.length })
        .map((delays) => ({ events, arrived: arrivals(events, delays) })),
    ),
    ({ events, arrived }) => {
      expect(stored(arrived)).toEqual(stored(events));
    },
  ),
  'events in whatever order': fc.property(
    believableSession.chain((events) =>
      fc.shuffledSubarray([...events], { minLength: events.length }).map((arrived) => ({ events, arrived })),
    ),
    ({ events, arrived }) => {
      expect(stored(arrived)).toEqual(stored(events));
    },
  ),
  'all events in one transaction': fc.property(believableSession, (events) => {
    using recording = new Recording();
    expect(recording.hearAtOnce(events).contents()).toEqual(stored(events));
  }),
  'every event twice': fc.property(believableSession, (events) => {
    const once = stored(events);
    expect(stored(events.flatMap((event) => [event, event]))).toEqual(once);
    expect(stored([...events, ...events])).toEqual(once);
  }),
} as const;

function arrivals(events: readonly Stamped[], delaysMs: readonly number[]): Stamped[] {
  return events
    .map((event, index) => ({ event, arrivedMs: event.at * 1000 + delaysMs[index]! }))
    .sort((a, b) => a.arrivedMs - b.arrivedMs)
    .map(({ event }) => event);
}

function stored(events: readonly Stamped[]): readonly string[] {
  using recording = new Recording();
  return recording.hearAll(events).contents();
}
