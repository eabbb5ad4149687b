import { load } from './load.ts';
import { print } from './print.ts';

/** Prints OK, after warnings on standard error. Rejects with ConfigError. */
export async function validate(files: readonly string[], sets: readonly string[]): Promise<number> {
  const loaded = await load(files, sets);
  for (const warning of loaded.config.warnings) process.stderr.write(`${warning}\n`);
  await print(`${loaded.files.join(', ')}: OK\n`);
  return 0;
}
