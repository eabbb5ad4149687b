import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';

const PLACE = /(file:\/\/[^\s()]+\.js):(\d+):(\d+)/;

/**
 * Where an error was thrown, a frame a line: "at once (file:///opt/agentcol/src/commands/once.ts:12:34)". Source maps are read here and not
 * by Node, which would read all of them at every start, for an error that hardly ever comes.
 */
export function framesOf({ stack = '' }: Error): readonly string[] {
  return stack
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .map((line) => line.trim().replace(PLACE, inSource));
}

function inSource(built: string, url: string, line: string, column: string): string {
  try {
    // As the build writes it: every source map that there is beside our modules.
    const map = JSON.parse(readFileSync(new URL(`${url}.map`), 'utf8')) as ConstructorParameters<typeof SourceMap>[0];
    const entry = new SourceMap(map).findEntry(Number(line) - 1, Number(column) - 1);
    if (!('originalSource' in entry)) return built;
    const { originalSource, originalLine, originalColumn } = entry;
    return `${new URL(originalSource, url).href}:${originalLine + 1}:${originalColumn + 1}`;
  } catch {
    // A module of others, without a map: the frame as it is says enough.
    return built;
  }
}
