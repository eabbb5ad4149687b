import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LaneShare } from '../../src/pipeline/lane-share.ts';
import type { Metric } from '../../src/pipeline/signals.ts';
import { MetricStore, type LaneReading, type Part } from '../../src/pipeline/store.ts';
import { metricKey } from '../../src/pipeline/total.ts';
import { calls, published, recorder, seconds } from './ledger.ts';

function reading(conclusive: boolean): LaneReading & { conclusive: boolean } {
  return { read: 0, remaining: 0, settled: true, conclusive };
}

function part(agent: string, value: number): Part {
  return { attributes: { agent }, startTimeMs: 1, value: [value] };
}

const STORE = (): MetricStore => new MetricStore('metrics', recorder());

describe('the share of a lane that replaces another', () => {
  test('shows what the former one showed until everything is read, and then its own at once', () => {
    const store = STORE();
    const [one, other] = [{}, {}];
    const former = new LaneShare(store, undefined);
    former.expect(reading(true));
    former.show(one, calls, 'a', part('a', 5));
    former.show(one, calls, 'b', part('b', 7));
    former.announce();
    const seen: (readonly [string, boolean])[][] = [];
    const lane = reading(false);
    const share = new LaneShare(store, former);
    share.expect(lane);
    former.retire();
    store.onCommit((changes) =>
      seen.push(changes.map(({ series, removed }) => [String(series.attributes['agent']), removed] as const)),
    );
    share.show(other, calls, 'a', part('a', 2));
    share.announce();
    expect(published(store)).toEqual({ 'calls{agent=a}': 5, 'calls{agent=b}': 7 });
    share.show(other, calls, 'a', part('a', 6));
    lane.conclusive = true;
    share.announce();
    expect(published(store)).toEqual({ 'calls{agent=a}': 6 });
    expect(seen).toEqual([
      [
        ['a', false],
        ['b', true],
      ],
    ]);
  });

  test('takes the place of a share that had not taken its own yet', () => {
    const store = STORE();
    const [first, second, third] = [{}, {}, {}];
    const former = new LaneShare(store, undefined);
    former.show(first, calls, 'a', part('a', 5));
    const between = new LaneShare(store, former);
    between.expect(reading(false));
    between.show(second, calls, 'a', part('a', 1));
    between.retire();
    const last = new LaneShare(store, between);
    last.expect(reading(true));
    last.show(third, calls, 'a', part('a', 6));
    last.announce();
    expect(published(store)).toEqual({ 'calls{agent=a}': 6 });
  });

  test('is waited for where the pipeline has not been ready, and not when it is retired', () => {
    const store = STORE();
    const lane = { ...reading(false), settled: false };
    const share = new LaneShare(store, undefined);
    share.expect(lane);
    share.announce();
    expect(store.progress()).toEqual({ read: 0, total: 0 });
    share.retire();
    share.announce();
    expect(store.progress()).toBeUndefined();
  });

  test('shows in the end what it would have shown without a former one, whatever it did meanwhile', () => {
    const names = fc.constantFrom('a', 'b', 'c');
    const metrics = fc.constantFrom<Metric>(calls, seconds);
    const owners = fc.constantFrom(0, 1);
    const step = fc.oneof(
      fc.record({ do: fc.constant('show' as const), owner: owners, metric: metrics, name: names, value: fc.nat(9) }),
      fc.record({ do: fc.constant('hide' as const), owner: owners, metric: metrics, name: names }),
      fc.record({ do: fc.constant('keepOnly' as const), owner: owners, metric: metrics, name: names }),
      fc.record({ do: fc.constant('announce' as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.nat(30), (steps, conclusiveAt) => {
        const shown = [true, false].map((replaces) => {
          const store = STORE();
          const own = [{}, {}];
          const lane = reading(false);
          const former = new LaneShare(store, undefined);
          former.show({}, calls, 'former', part('former', 3));
          former.announce();
          const share = new LaneShare(store, replaces ? former : undefined);
          if (!replaces) former.withdraw();
          share.expect(lane);
          steps.forEach((one, index) => {
            lane.conclusive ||= index >= conclusiveAt;
            if (one.do === 'announce') return share.announce();
            const owner = own[one.owner]!;
            if (one.do === 'show') share.show(owner, one.metric, one.name, part(one.name, one.value));
            else if (one.do === 'hide') share.hide(owner, one.metric, one.name);
            else share.keepOnly(owner, (metric, key) => metric === metricKey(one.metric) && key === one.name);
          });
          lane.conclusive = true;
          share.announce();
          return published(store);
        });
        expect(shown[0]).toEqual(shown[1]);
      }),
    );
  });
});
