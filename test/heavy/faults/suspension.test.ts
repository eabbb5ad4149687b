import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Subject } from './subject.ts';

/** The soak stops the process for longer. */
const SUSPENDED_MS = 4000;

describe('a process that is suspended', () => {
  it('goes on where it was, with what was written meanwhile, and answers who waited', async () => {
    // WAL: in rollback mode a process that is stopped within a page holds the lock that every writer needs, by SQLite's rules.
    await using subject = new Subject({ journalMode: 'wal' });
    subject.write();
    subject.agentcol.start();
    await subject.settles();
    for (let round = 0; round < 3; round += 1) {
      subject.write(200); // in the middle of reading them, it stops
      process.kill(subject.agentcol.pid, 'SIGSTOP');
      const waiting = Array.from({ length: 5 }, () => subject.agentcol.scrape());
      const until = Date.now() + SUSPENDED_MS;
      while (Date.now() < until) {
        subject.write();
        await delay(100);
      }
      process.kill(subject.agentcol.pid, 'SIGCONT');
      for (const answer of await Promise.all(waiting)) expect(answer?.size).toBeGreaterThan(0);
      await subject.settles();
    }
    await subject.isWhole();
  });

  it('within a read transaction holds up no writer of a WAL database', async () => {
    await using subject = new Subject({ journalMode: 'wal' });
    subject.write(3000);
    subject.agentcol.start();
    for (let round = 0; round < 10; round += 1) {
      await delay(20 * round);
      process.kill(subject.agentcol.pid, 'SIGSTOP');
      subject.write(50);
      process.kill(subject.agentcol.pid, 'SIGCONT');
    }
    await subject.isWhole();
  });
});
