import { Agentcol, type Finished } from './agentcol.ts';
import { median, type Result } from './result.ts';
import { generatedDatabase } from './source.ts';

const TARGET = 1.1;

/** A first read with the processors of the shipped configuration, against one without any, taking turns. */
export async function processors(invocations: number, pairs: number): Promise<Result[]> {
  await using agentcol = new Agentcol(generatedDatabase(invocations));
  const without = (): Finished => agentcol.once('--set', 'service::pipelines::metrics::processors=[]');
  without(); // the file is in memory from here on
  const runs: { readonly own: Finished; readonly base: Finished }[] = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    // In turns who is first.
    const before = pair % 2 === 0 ? without() : undefined;
    const own = agentcol.once();
    runs.push({ own, base: before ?? without() });
  }
  const own = Math.min(...runs.map((run) => run.own.wallMs));
  const base = Math.min(...runs.map((run) => run.base.wallMs));
  const typical = median(runs.map((run) => run.own.wallMs / run.base.wallMs));
  const processor = median(runs.map((run) => run.own.usage.cpuMs / run.base.usage.cpuMs));
  return [
    {
      what: `hash and strip_paths in a first read of ${invocations} invocations, ${pairs} pairs`,
      measured:
        `fastest ${(own / base).toFixed(2)}x (${(own / 1e3).toFixed(2)} s, ${(base / 1e3).toFixed(2)} s), ` +
        `median ${typical.toFixed(2)}x, processor time ${processor.toFixed(2)}x`,
      target: `<= ${TARGET}x`,
      met: own / base <= TARGET && typical <= TARGET,
    },
  ];
}
