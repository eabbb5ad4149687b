import { fstatSync } from 'node:fs';

/**
 * `agentcol hook [--database FILE]`: stores the one event on standard input. Prints nothing, and never rejects because of
 * an event, a database or a wrong call. A person who waits at a terminal for something to happen is told what it waits for.
 */
export async function hook(words: readonly string[]): Promise<void> {
  // The cheap question first: the other loads a module.
  if (isCharacterDevice(0) && (await import('node:tty')).isatty(0)) {
    process.stderr.write('agentcol hook: coding agents call it, with an event on standard input; agentcol --help\n');
    return;
  }
  (await import('../../receivers/claude_code_hooks/hook.ts')).runHook({ ...parse(words), input: 0 });
}

function parse(words: readonly string[]): {
  readonly database: string | undefined;
  readonly misuse: string | undefined;
} {
  const [option = '', value, ...more] = words;
  if (words.length === 0) return { database: undefined, misuse: undefined };
  if (option === '--database' && value !== undefined && more.length === 0)
    return { database: value, misuse: undefined };
  if (option.startsWith('--database=') && value === undefined) {
    return { database: option.slice('--database='.length), misuse: undefined };
  }
  return { database: undefined, misuse: 'agentcol hook takes --database FILE and nothing else' };
}

function isCharacterDevice(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isCharacterDevice();
  } catch {
    // Not open at all.
    return false;
  }
}
