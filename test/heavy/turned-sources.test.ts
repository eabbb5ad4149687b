import { describe, it } from 'vitest';
import { checkTurns } from '../receivers/sqlite/turned-sources.ts';

describe('any of many histories of a file that is cut, renumbered and exchanged for others', () => {
  it('with a key is counted exactly', async () => {
    await checkTurns(300, { key: true });
  });

  it('without a key misses nothing, and says how many rows may have been counted twice', async () => {
    await checkTurns(300, { key: false });
  });
});
