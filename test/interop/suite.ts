import { beforeAll, describe } from 'vitest';
import { requirement } from '../heavy/requirement.ts';
import { CAN_COLLECT, otelcol } from './collector.ts';

/** Of a machine that has nothing of it yet, and other things to do. */
const BUILD_MS = 60 * 60_000;

/** A suite that needs a real OpenTelemetry Collector, which the first one builds. */
export function describeInterop(name: string, suite: () => void): void {
  const go = requirement('Go, to build an OpenTelemetry Collector: test/interop', CAN_COLLECT);
  describe.skipIf(!go.met)(`${name}${go.reason}`, () => {
    beforeAll(otelcol, BUILD_MS);
    suite();
  });
}
