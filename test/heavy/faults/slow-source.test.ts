import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { inject, strace } from './injection.ts';
import { Subject, until } from './subject.ts';

describe.skipIf(!strace.met)(`a source on a disk where every read takes 20 ms${strace.reason}`, () => {
  it.each(['delete', 'wal'] as const)(
    'in %s mode is read to the end, and scrapes are answered',
    async (journalMode) => {
      await using subject = new Subject({ journalMode });
      subject.write();
      subject.agentcol.start();
      await subject.settles();
      const files = ['', '-wal'].map((suffix) => subject.database + suffix);
      {
        await using _slow = await inject({ pid: subject.agentcol.pid, files, inject: 'pread64:delay_enter=20000' });
        for (let burst = 0; burst < 5; burst += 1) {
          subject.write(100);
          const asked = performance.now();
          expect(await subject.agentcol.scrape()).toBeDefined();
          // A page is one synchronous read of the database; how many disk pages it touches is bounded by its rows.
          expect(performance.now() - asked).toBeLessThan(5000);
        }
        await subject.settles();
      }
      await subject.isWhole();
    },
  );
});

describe('a source whose writer holds the lock', () => {
  it.each([
    { heldMs: 200, freeMs: 50 },
    { heldMs: 1500, freeMs: 20 },
  ])(
    'for $heldMs ms of every $heldMs + $freeMs: is read in between, and never waited for',
    async ({ heldMs, freeMs }) => {
      await using subject = new Subject();
      subject.write();
      subject.agentcol.start();
      await subject.settles();
      const { db } = subject.logger;
      const enough = new AbortController();
      const holder = (async () => {
        while (!enough.signal.aborted) {
          db.exec('BEGIN EXCLUSIVE');
          subject.insert();
          await delay(heldMs);
          db.exec('COMMIT');
          await delay(freeMs);
        }
      })();
      const before = (await subject.agentcol.scrape())?.get('agent_workflow_sessions_total') ?? 0;
      await until(async () => {
        const asked = performance.now();
        const seen = (await subject.agentcol.scrape())?.get('agent_workflow_sessions_total') ?? 0;
        expect(performance.now() - asked).toBeLessThan(500);
        return seen >= before + 60;
      }, 'three bursts to be seen');
      enough.abort();
      await holder;
      await subject.isWhole();
    },
  );
});
