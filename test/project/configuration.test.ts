import path from 'node:path';
import { expect, test } from 'vitest';
import { configurationPage } from './configuration-page.ts';
import { ROOT } from '../program.ts';

test('docs/configuration.md is what the schemas say', async () => {
  const file = path.join(ROOT, 'docs/configuration.md');
  await expect(
    await configurationPage(file),
    'settings have changed: npx vitest run test/project/configuration.test.ts -u',
  ).toMatchFileSnapshot(file);
});
