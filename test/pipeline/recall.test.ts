import { expect, test } from 'vitest';
import { cardinalityLimitProcessor } from '../../processors/cardinality_limit/factory.ts';
import type { Processor } from '../../src/component.ts';
import { filledConfig, testSettings } from '../component-suite.ts';
import { Ledger, LedgerReader, published } from './ledger.ts';
import { Folder, Running } from './running.ts';

function limited(limit: number): Promise<Processor> {
  const config = filledConfig(cardinalityLimitProcessor, { limit });
  return cardinalityLimitProcessor.create(config, testSettings('cardinality_limit'));
}

/** One row of each agent. */
function ledgerOf(...agents: readonly string[]): Ledger {
  return new Ledger().add(...agents.map((agent) => ({ agent })));
}

async function run(folder: Folder, ledger: Ledger): Promise<Record<string, number | string>> {
  using running = await new Running(folder.path, [[new LedgerReader(ledger)]], {
    processors: [await limited(3)],
  }).ready();
  return published(running.store);
}

test('after a restart the same series are admitted, whoever comes first then', async () => {
  using folder = new Folder();
  const ledger = ledgerOf('a', 'b', 'c');
  const before = await run(folder, ledger);
  expect(before).toMatchObject({ 'calls{agent=a}': 1, 'calls{agent=b}': 1, 'calls{otel.metric.overflow=true}': 1 });
  ledger.add({ agent: 'c' }, { agent: 'd' }, { agent: 'b', seconds: 9 }, { agent: 'a' });
  expect(await run(folder, ledger)).toMatchObject({
    'calls{agent=a}': 2,
    'calls{agent=b}': 2,
    'calls{otel.metric.overflow=true}': 3,
    'seconds{agent=b}': 10,
    'longest{agent=b}': 9,
    'longest{otel.metric.overflow=true}': 1,
    'durations{agent=a}': '2/2,0,0',
    'durations{otel.metric.overflow=true}': '3/3,0,0',
  });
});

test('what was not committed when the process died is admitted as it is read again', async () => {
  using folder = new Folder();
  const ledger = ledgerOf('a');
  await run(folder, ledger);
  using before = folder.copy();
  ledger.add({ agent: 'b' }, { agent: 'c' });
  const first = await run(folder, ledger);
  expect(await run(before, ledger)).toEqual(first);
});

test('two readers of a metric share its limit, before a restart and after', async () => {
  using folder = new Folder();
  const [one, other] = [ledgerOf('a'), ledgerOf('b')];
  const readers = () => [new LedgerReader(one, { id: 'one' }), new LedgerReader(other, { id: 'other' })];
  const both = async (): Promise<Record<string, number | string>> => {
    using running = await new Running(folder.path, [readers()], { processors: [await limited(3)] }).ready();
    return published(running.store);
  };
  await both();
  one.add({ agent: 'c' });
  other.add({ agent: 'd' }, { agent: 'a' });
  expect(await both()).toMatchObject({
    'calls{agent=a}': 2,
    'calls{agent=b}': 1,
    'calls{otel.metric.overflow=true}': 2,
  });
});
