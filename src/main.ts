#!/usr/bin/env node
// Imports nothing: an agent waits for `agentcol hook` at every step, and loading is all that it takes time for.

const FAILED = 1;

/** Whatever happens, the agent goes on: a hook that ends with 2 would stop it. */
async function hook(words: readonly string[]): Promise<number> {
  try {
    await (await import('./commands/hook.ts')).hook(words);
  } catch {
    // Not even its modules could be loaded; `agentcol doctor` tells of that, an agent must not.
  }
  return 0;
}

async function others(words: readonly string[]): Promise<number> {
  // The reader of a pipe has seen enough ("agentcol --once | head"): no reason to complain.
  process.stdout.on('error', () => process.exit(0));
  // Nobody reads the log any more: nobody is left to tell, and collecting goes on.
  process.stderr.on('error', () => undefined);

  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(FAILED);
      stop.abort();
    });
  }
  const commands = import('./commands/execute.ts');
  // Where not even that can be loaded: too few descriptors, a file that is gone.
  return commands.then(
    ({ execute }) => execute(words, stop.signal),
    (error: unknown) => {
      process.stderr.write(`agentcol: ${error instanceof Error ? error.message : String(error)}\n`);
      return FAILED;
    },
  );
}

const [command, ...rest] = process.argv.slice(2);
const asksForHelp = rest.includes('--help') || rest.includes('-h');
const exitCode = command === 'hook' && !asksForHelp ? hook(rest) : others(process.argv.slice(2));
void exitCode.then((code) => process.exit(code));
