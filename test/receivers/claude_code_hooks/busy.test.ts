import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { whileBusy } from '../../../receivers/claude_code_hooks/busy.ts';
import { Workspace } from '../../main-job/harness.ts';

/** Two writers of one database, of which the first holds the lock. */
function locked(workspace: Workspace): [Database.Database, Database.Database] {
  const [first, second] = [1, 2].map(() => new Database(workspace.file('a.db'), { timeout: 0 }));
  first!.exec('CREATE TABLE t (x); BEGIN IMMEDIATE');
  return [first!, second!];
}

describe('work on a locked database', () => {
  it('is done again until the lock is gone', () => {
    using workspace = new Workspace();
    const [first, second] = locked(workspace);
    let tries = 0;
    const changes = whileBusy(performance.now() + 5_000, () => {
      tries += 1;
      if (tries === 3) first.exec('COMMIT');
      return second.prepare('INSERT INTO t VALUES (1)').run().changes;
    });
    expect([changes, tries]).toEqual([1, 3]);
    first.close();
    second.close();
  });

  it('is given up at the deadline, with what SQLite says', () => {
    using workspace = new Workspace();
    const [first, second] = locked(workspace);
    const startMs = performance.now();
    expect(() => whileBusy(startMs + 60, () => second.exec('INSERT INTO t VALUES (1)'))).toThrow('database is locked');
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(60);
    expect(performance.now() - startMs).toBeLessThan(1_000);
    first.close();
    second.close();
  });

  it('is done once when anything else is wrong', () => {
    let tries = 0;
    const work = (): never => {
      tries += 1;
      throw new Error('no such table');
    };
    expect(() => whileBusy(performance.now() + 5_000, work)).toThrow('no such table');
    expect(tries).toBe(1);
  });
});
