import { describe, it } from 'vitest';
import { checkHistories } from './histories.ts';

describe('any history', () => {
  it('is counted as its replay says', { timeout: 60_000 }, async () => {
    await checkHistories(20);
  });
});
