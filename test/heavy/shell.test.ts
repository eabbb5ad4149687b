import { describe, expect, test } from 'vitest';
import { MarkdownFile, markdownFiles } from '../project/markdown.ts';
import { ShellSession, testedBlocks, testedFiles } from '../project/shell-blocks.ts';
import { MAIN } from '../program.ts';

const PROGRAM = [process.execPath, MAIN];

describe('shell blocks that are marked as tested', () => {
  test.each(testedFiles(false).map((file) => [file.name, file] as const))(
    'of %s do',
    async (_, file) => {
      using session = new ShellSession(PROGRAM);
      const texts = testedBlocks(file).map(({ text }) => text);
      expect(await session.run(texts, { seconds: 150 })).toHaveLength(texts.length);
    },
    180_000,
  );

  test('and fail are found, with what they said', async () => {
    using session = new ShellSession(PROGRAM);
    await expect(session.run(['echo before', 'agentcol --no-such-option', 'echo after'])).rejects.toThrow(
      /before\n[^]*--no-such-option[^]*(?<!after\n)$/,
    );
  }, 180_000);

  test('are marked in a way that is understood', () => {
    const wrong = markdownFiles().flatMap(({ name, fences }: MarkdownFile) =>
      fences
        .filter(({ words }) => words.length > 0)
        .filter(({ language, words }) => {
          const mark = words.join(' ');
          return (
            !(language === 'sh' && /^tested( needs( [a-z0-9-]+)+)?$/.test(mark)) &&
            !(language === 'yaml' && mark === 'complete')
          );
        })
        .map(({ line, language, words }) => `${name}:${line}: ${language} ${words.join(' ')}`),
    );
    expect(wrong).toEqual([]);
  });
});
