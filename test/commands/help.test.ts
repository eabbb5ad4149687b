import { describe, expect, test } from 'vitest';
import { COMMANDS, parseCommandLine } from '../../src/commands/command-line.ts';
import { help } from '../../src/commands/help.ts';

/** The options that a text tells. */
function told(text: string): Set<string> {
  return new Set(text.match(/--[a-z-]+/g));
}

/** With a value and without, since one of the two is a mistake of another kind. */
function takes(command: string, option: string): boolean {
  return [option, `${option}=1`].every((word) => {
    try {
      parseCommandLine([command, word]);
      return true;
    } catch (error) {
      return !String(error).includes('has no meaning for');
    }
  });
}

describe('help of a command', () => {
  const every = new Set(COMMANDS.flatMap((command) => [...told(help(command))]));

  test.each(COMMANDS)('tells the options that %s takes, and no other', (command) => {
    const taken = [...every].filter((option) => takes(command, option));
    expect([...told(help(command))].sort()).toEqual(taken.sort());
  });

  test.each(COMMANDS)('fits on one screen: %s', (command) => {
    const lines = help(command).trimEnd().split('\n');
    expect(lines.length).toBeLessThanOrEqual(24);
    expect(lines.filter((line) => line.length > 130)).toEqual([]);
  });
});
