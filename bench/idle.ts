import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { Agentcol } from './agentcol.ts';
import type { Result } from './result.ts';
import { generatedDatabase } from './source.ts';

/** After it has caught up, until the compilers and collectors of the runtime have come to rest. */
const REST_MS = 30_000;

/** Processor time of a running agentcol while nothing happens. */
export async function idle(invocations: number, seconds: number): Promise<Result[]> {
  await using agentcol = Agentcol.onCopyOf(generatedDatabase(invocations));
  await agentcol.start();
  await agentcol.caughtUp();
  await delay(REST_MS);
  const before = await agentcol.usage();
  const begin = performance.now();
  await delay(seconds * 1000);
  const after = await agentcol.usage();
  const share = (after.cpuMs - before.cpuMs) / (performance.now() - begin);
  return [
    {
      what: `idle at an interval of 1 s, over ${seconds} s`,
      measured: `${(share * 100).toFixed(3)} % of a core`,
      target: '<= 0.1 %',
      met: share <= 0.001,
    },
  ];
}
