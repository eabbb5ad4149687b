#!/usr/bin/env node
import { parseCommandLine, UsageError, type CommandLine } from './commands/command-line.ts';
import { ConfigError, describeError } from './errors.ts';
import { keepHeapSmall } from './heap.ts';

const FAILED = 1;
const CALLED_WRONGLY = 2;

/** What a command needs is loaded when it is asked for: --version must not wait for SQLite. */
async function execute(line: CommandLine, stop: AbortSignal): Promise<number> {
  switch (line.command) {
    case 'run':
      return (await import('./commands/run.ts')).run(line.files, line.sets, stop);
    case 'once':
      return (await import('./commands/once.ts')).once(line.files, line.sets, stop);
    case 'validate':
      return (await import('./commands/validate.ts')).validate(line);
    case 'print-config':
      return (await import('./commands/print-config.ts')).printConfig(line.files, line.sets);
    case 'components':
      return (await import('./commands/components.ts')).components(line);
    case 'checkpoint':
      return (await import('./commands/checkpoint.ts')).checkpoint(line);
    case 'help':
      await (await import('./commands/print.ts')).print((await import('./commands/help.ts')).HELP);
      return 0;
    case 'version': {
      const { packageVersion } = await import('./commands/package.ts');
      await (await import('./commands/print.ts')).print(`agentcol ${packageVersion()}\n`);
      return 0;
    }
  }
}

async function main(words: readonly string[], stop: AbortSignal): Promise<number> {
  try {
    return await execute(parseCommandLine(words), stop);
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`agentcol: ${error.message}; agentcol --help says how\n`);
      return CALLED_WRONGLY;
    }
    const text = error instanceof ConfigError ? error.message : `agentcol: ${describeError(error)}\n${frames(error)}`;
    process.stderr.write(`${text.trimEnd()}\n`);
    return FAILED;
  }
}

/** Where the first of its causes was thrown: this is a fault of ours. */
function frames(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if (error.cause instanceof Error) return frames(error.cause);
  return (
    error.stack
      ?.split('\n')
      .filter((line) => /^\s+at /.test(line))
      .join('\n') ?? ''
  );
}

keepHeapSmall();

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

process.exit(await main(process.argv.slice(2), stop.signal));
