import path from 'node:path';
import { ESLint } from 'eslint';
import { describe, expect, it } from 'vitest';
import { parser } from 'typescript-eslint';
import { importRule, violation } from '../../eslint.boundaries.js';
import { ROOT } from '../program.ts';

describe('the import rule', () => {
  it.each([
    ['receivers/sqlite/receiver.ts', 'receivers/sqlite/table.ts'],
    ['receivers/sqlite/receiver.ts', 'src/component.ts'],
    ['processors/hash/config.ts', 'src/config/fragments.ts'],
    ['exporters/prometheus/exporter.ts', 'src/http/listener.ts'],
    ['exporters/otlp_http/exporter.ts', 'src/otlp/exporter.ts'],
    ['src/components.ts', 'receivers/sqlite/factory.ts'],
    ['src/pipeline/lane.ts', 'src/component.ts'],
    ['test/oracle/recount.ts', 'test/fixtures/agent-workflow.ts'],
    ['test/main-job/harness.ts', 'src/components.ts'],
  ])('lets %s import %s', (from, to) => {
    expect(violation(from, to, false)).toBeUndefined();
  });

  it.each([
    ['receivers/sqlite/receiver.ts', 'exporters/prometheus/factory.ts'],
    ['receivers/sqlite/receiver.ts', 'receivers/claude_code_hooks/receiver.ts'],
    ['processors/hash/processor.ts', 'src/pipeline/store.ts'],
    ['processors/hash/processor.ts', 'src/config/config.ts'],
    ['src/pipeline/service.ts', 'receivers/sqlite/factory.ts'],
    ['src/commands/run.ts', 'exporters/prometheus/exposition.ts'],
    ['src/main.ts', 'test/fixtures/random.ts'],
    ['test/oracle/recount.ts', 'src/pipeline/sum.ts'],
    ['test/fixtures/generate.ts', 'receivers/sqlite/seconds.ts'],
  ])('refuses that %s imports %s', (from, to) => {
    expect(violation(from, to, false)).toBeDefined();
  });

  it('lets a command, and nothing else in src, load a component lazily', () => {
    expect(violation('src/commands/run.ts', 'exporters/prometheus/exposition.ts', true)).toBeUndefined();
    expect(violation('src/pipeline/service.ts', 'exporters/prometheus/exposition.ts', true)).toBeDefined();
  });

  it('is a lint error', async () => {
    const source = [
      `import { x } from '../../exporters/prometheus/names.ts';`,
      `import { y } from '../../src/errors.ts';`,
      `export { x, y };`,
    ].join('\n');
    // That rule alone: all of them need the types of the whole project.
    const imports = {
      files: ['**/*.ts'],
      languageOptions: { parser },
      plugins: { agentcol: { rules: { imports: importRule } } },
      rules: { 'agentcol/imports': 'error' as const },
    };
    const eslint = new ESLint({ cwd: ROOT, overrideConfigFile: true, overrideConfig: [imports] });
    const [result] = await eslint.lintText(source, { filePath: path.join(ROOT, 'receivers/sqlite/config.ts') });
    const broken = result?.messages.filter((message) => message.ruleId === 'agentcol/imports');
    expect(broken?.map((message) => message.line)).toEqual([1]);
  });

  it.each(['src/errors.ts', 'receivers/sqlite/config.ts', 'test/program.ts'])('holds for %s', async (file) => {
    const config = (await new ESLint({ cwd: ROOT }).calculateConfigForFile(file)) as {
      readonly rules: Readonly<Record<string, unknown>>;
    };
    expect(config.rules['agentcol/imports']).toEqual([2]);
  });
});
