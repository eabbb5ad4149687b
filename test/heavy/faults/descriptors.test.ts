import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { AgentcolProcess } from '../../crash/agentcol-process.ts';
import { requirement } from '../requirement.ts';
import { processorSeconds } from '../../soak/process.ts';
import { Subject, until } from './subject.ts';

const prlimit = requirement('prlimit (util-linux)', spawnSync('prlimit', ['--version']).status === 0);

/** The files of a glob are looked for every 15 s. */
const GLOB_MS = 15_000;
/** The hard limit: what is above cannot be had back without being more than root of a container. */
const ENOUGH = 1024;
/** Those that are open stay open, and none can be opened. */
const NONE = 3;

function limit(pid: number, count: number): void {
  const { status, stderr } = spawnSync('prlimit', [`--nofile=${count}:${ENOUGH}`, '--pid', String(pid)], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
}

/** Node raises the soft limit to the hard one when it starts, so it is both. */
const limited = (count: number): string[] => ['prlimit', `--nofile=${count}:${count}`];

describe.skipIf(!prlimit.met)(`the limit of open files reached${prlimit.reason}`, () => {
  it.each(['delete', 'wal'] as const)(
    'while a source in %s mode is replaced: it is read when there are descriptors again',
    async (journalMode) => {
      await using subject = new Subject({ journalMode });
      subject.write();
      subject.agentcol.start();
      await subject.settles();
      limit(subject.agentcol.pid, NONE);
      subject.replaceDatabase();
      subject.write();
      await subject.logs(subject.database);
      limit(subject.agentcol.pid, ENOUGH);
      await subject.isWhole();
    },
  );

  it('while the files of a glob are looked for: they are found when there are descriptors again', async () => {
    await using subject = new Subject({ receiver: { database: '*.db' } });
    subject.write();
    subject.agentcol.start();
    await subject.settles();
    limit(subject.agentcol.pid, NONE);
    await delay(GLOB_MS + 1000); // it looks by the clock of the machine
    subject.write();
    limit(subject.agentcol.pid, ENOUGH);
    await subject.isWhole();
    expect(subject.agentcol.log).not.toContain('unexpected error');
  });

  it('by clients that never ask for anything: reading goes on, at rest, and so do scrapes when they leave', async () => {
    await using subject = new Subject({ launcher: limited(64) });
    subject.write();
    subject.agentcol.start();
    await subject.settles();
    const clients = Array.from({ length: 100 }, () => net.connect(subject.workspace.file('metrics.sock')));
    for (const client of clients) client.on('error', () => undefined).resume();
    await until(() => clients.some((client) => client.closed), 'a refused client');
    subject.replaceDatabase();
    subject.write(500);
    const before = processorSeconds(subject.agentcol.pid);
    await delay(3000); // the time in which it could turn in circles
    expect(processorSeconds(subject.agentcol.pid) - before).toBeLessThan(1.5);
    for (const client of clients) client.destroy();
    await Promise.all(clients.filter((client) => !client.closed).map((client) => once(client, 'close')));
    await subject.isWhole();
  });

  it('from the start: says so, ends, and with more descriptors is exact', async () => {
    await using subject = new Subject();
    subject.write();
    const agentcol = new AgentcolProcess(subject.workspace.folder, subject.database, { launcher: limited(24) });
    agentcol.start();
    expect(await agentcol.ended()).toBe(1);
    expect(agentcol.log).toMatch(/^agentcol: EMFILE: too many open files/);
    subject.agentcol.start();
    await subject.isWhole();
  });
});
