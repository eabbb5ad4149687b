import { ConfigError, describeError } from '../errors.ts';
import { keepHeapSmall } from '../heap.ts';
import { framesOf } from '../telemetry/frames.ts';
import { COMMANDS, parseCommandLine, type CommandLine } from './command-line.ts';
import { UsageError } from './usage-error.ts';

const FAILED = 1;
const CALLED_WRONGLY = 2;

/** Runs a command; resolves to the exit code. What went wrong is told on standard error. */
export async function execute(words: readonly string[], stop: AbortSignal): Promise<number> {
  keepHeapSmall();
  try {
    return await dispatch(parseCommandLine(words), stop);
  } catch (error) {
    if (error instanceof UsageError) {
      const join = error.message.endsWith('?') ? ' ' : '; ';
      const command = COMMANDS.find((known) => known === words[0]);
      const page = command === undefined ? 'agentcol' : `agentcol ${command}`;
      process.stderr.write(`agentcol: ${error.message}${join}${page} --help says how\n`);
      return CALLED_WRONGLY;
    }
    const text = error instanceof ConfigError ? error.message : `agentcol: ${describeError(error)}\n${frames(error)}`;
    process.stderr.write(`${text.trimEnd()}\n`);
    return FAILED;
  }
}

/** What a command needs is loaded when it is asked for: --version must not wait for SQLite. */
async function dispatch(line: CommandLine, stop: AbortSignal): Promise<number> {
  switch (line.command) {
    case 'run':
      if (!line.allowRoot) (await import('./refuse-root.ts')).refuseRoot(process.geteuid?.());
      return (await import('./run.ts')).run(line.files, line.sets, stop);
    case 'once':
      return (await import('./once.ts')).once(line.files, line.sets, stop);
    case 'validate':
      return (await import('./validate.ts')).validate(line);
    case 'print-config':
      return (await import('./print-config.ts')).printConfig(line.files, line.sets);
    case 'components':
      return (await import('./components.ts')).components(line);
    case 'checkpoint':
      return (await import('./checkpoint.ts')).checkpoint(line);
    case 'hook':
      // Only where an option stands before the command: src/main.ts has its own way.
      await (await import('./hook.ts')).hook(line.database === undefined ? [] : ['--database', line.database]);
      return 0;
    case 'hooks':
      return (await import('./hooks.ts')).hooks(line);
    case 'retention':
      return (await import('./retention.ts')).retention(line);
    case 'proxy-config':
      return (await import('./proxy-config.ts')).proxyConfig(line);
    case 'doctor':
      return (await import('./doctor.ts')).doctor(line);
    case 'import':
      return (await import('./import.ts')).importHistory(line, stop);
    case 'help':
      await (await import('./print.ts')).print((await import('./help.ts')).help(line.of));
      return 0;
    case 'version': {
      const { packageVersion } = await import('../package.ts');
      await (await import('./print.ts')).print(`agentcol ${packageVersion()}\n`);
      return 0;
    }
  }
}

/** Where the first of its causes was thrown: this is a fault of ours. */
function frames(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if (error.cause instanceof Error) return frames(error.cause);
  return framesOf(error)
    .map((frame) => `    ${frame}\n`)
    .join('');
}
