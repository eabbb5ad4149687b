import { load } from './load.ts';
import { print } from './print.ts';

/** Prints the configuration as it is understood: merged, defaults filled in, without secrets. Rejects with ConfigError. */
export async function printConfig(files: readonly string[], sets: readonly string[]): Promise<number> {
  const { config } = await load(files, sets);
  await print(config.print());
  return 0;
}
