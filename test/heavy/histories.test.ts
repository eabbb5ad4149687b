import { describe, it } from 'vitest';
import { checkHistories } from '../main-job/histories.ts';

describe('any of many histories', () => {
  it('is counted as its replay says', async () => {
    await checkHistories(400);
  });
});
