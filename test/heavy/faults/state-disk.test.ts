import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { AgentcolProcess } from '../../crash/agentcol-process.ts';
import { Workspace } from '../../main-job/harness.ts';
import { requirement } from '../requirement.ts';
import { inject, strace } from './injection.ts';
import { Subject, until } from './subject.ts';

const STATE_MIB = 24;

/** A file system of its own, small, mounted on a folder. */
class SmallDisk implements Disposable {
  readonly #workspace = new Workspace();
  readonly folder = this.#workspace.file('disk');

  constructor() {
    fs.mkdirSync(this.folder, { mode: 0o700 });
    run('mount', '-t', 'tmpfs', '-o', `size=${STATE_MIB}m,mode=0700`, 'tmpfs', this.folder);
  }

  /** Leaves no room at all. */
  fill(): void {
    const descriptor = fs.openSync(path.join(this.folder, 'ballast'), 'a');
    try {
      for (const bytes of [65_536, 1]) for (;;) if (!write(descriptor, bytes)) break;
    } finally {
      fs.closeSync(descriptor);
    }
  }

  empty(): void {
    fs.rmSync(path.join(this.folder, 'ballast'));
  }

  [Symbol.dispose](): void {
    run('umount', '--lazy', this.folder);
    this.#workspace[Symbol.dispose]();
  }
}

function write(descriptor: number, bytes: number): boolean {
  try {
    return fs.writeSync(descriptor, Buffer.alloc(bytes)) === bytes;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return false;
    throw error;
  }
}

function run(command: string, ...words: readonly string[]): void {
  const { status, stderr } = spawnSync(command, words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
}

function canMount(): boolean {
  try {
    new SmallDisk()[Symbol.dispose]();
    return true;
  } catch {
    return false; // not root, or a container without the right to mount
  }
}

const disk = requirement('the right to mount a tmpfs', canMount());

describe.skipIf(!disk.met)(`a full disk under the state${disk.reason}`, () => {
  it('stops the reading, not the publishing; when there is room again nothing is lost or doubled', async () => {
    using small = new SmallDisk();
    await using subject = new Subject({ storage: path.join(small.folder, 'state') });
    subject.write();
    subject.agentcol.start();
    const before = await subject.settles();
    small.fill();
    subject.write(2000);
    await subject.logs('the state cannot be written; reading stops until it can');
    expect(await subject.agentcol.scrape()).toEqual(before);
    small.empty();
    await subject.isWhole();
  });

  it('that is there at the start is named, and nothing is left that stands in the way', async () => {
    using small = new SmallDisk();
    await using subject = new Subject({ storage: path.join(small.folder, 'state') });
    subject.write();
    small.fill();
    subject.agentcol.start();
    expect(await subject.agentcol.ended()).toBe(1);
    expect(subject.agentcol.log).toMatch(/otel-config\.yaml:\d+:\d+: .*key file .*: ENOSPC/);
    expect(subject.agentcol.log).not.toContain('    at ');
    small.empty();
    subject.agentcol.start();
    await subject.isWhole();
  });

  it('and a kill while it lasts: goes on from what was committed', async () => {
    using small = new SmallDisk();
    await using subject = new Subject({ storage: path.join(small.folder, 'state') });
    subject.write();
    subject.agentcol.start();
    await subject.settles();
    small.fill();
    subject.write(2000);
    await subject.logs('the state cannot be written; reading stops until it can');
    await subject.agentcol.kill();
    small.empty();
    subject.agentcol.start();
    await subject.isWhole();
  });
});

describe.skipIf(!strace.met)(`a disk that goes wrong under the state${strace.reason}`, () => {
  it.each([
    ['can only be read any more', 'pwrite64:error=EROFS'],
    ['fails to write', 'pwrite64:error=EIO'],
    ['fails to read', 'pread64:error=EIO'],
  ])('and %s: what is published stays; when it is over nothing is lost or doubled', async (_, fault) => {
    await using subject = new Subject();
    subject.write();
    subject.agentcol.start();
    const before = await subject.settles();
    const files = ['state.db', 'state.db-wal'].map((name) => subject.workspace.file('state', name));
    {
      await using _fault = await inject({ pid: subject.agentcol.pid, files, inject: fault });
      subject.write(500);
      if (fault.startsWith('pwrite')) {
        await subject.logs('the state cannot be written; reading stops until it can');
        expect(await subject.agentcol.scrape()).toEqual(before);
      } else {
        // What is in memory needs no reading; whether it comes to that is up to SQLite's cache.
        await until(async () => (await subject.agentcol.scrape()) !== undefined, 'an answer');
      }
    }
    await subject.isWhole();
  });

  it('and syncs slowly: commits take longer, and are no fewer', async () => {
    await using subject = new Subject();
    subject.agentcol.start();
    await subject.settles();
    const files = ['state.db', 'state.db-wal'].map((name) => subject.workspace.file('state', name));
    await using _fault = await inject({
      pid: subject.agentcol.pid,
      files,
      inject: 'pwrite64,fdatasync,fsync:delay_enter=5000',
    });
    for (let commit = 0; commit < 20; commit += 1) subject.write(50);
    await subject.settles();
  });
});

describe('a state folder', () => {
  const nobody = requirement('root, to run as another user', process.getuid?.() === 0);
  const AS_NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];

  it.skipIf(!nobody.met)(
    `that becomes read-only is written to as long as the process lives; the next one says what it needs${nobody.reason}`,
    async () => {
      await using subject = new Subject({ launcher: AS_NOBODY });
      const folder = subject.workspace.file('state');
      fs.chmodSync(subject.workspace.folder, 0o777);
      fs.mkdirSync(folder, { mode: 0o700 });
      fs.chownSync(folder, 65_534, 65_534);
      subject.write();
      subject.agentcol.start();
      await subject.settles();
      fs.chmodSync(folder, 0o555);
      subject.write();
      await subject.settles();
      expect(await subject.agentcol.stop()).toBe(0);
      for (const name of fs.readdirSync(folder)) fs.chmodSync(path.join(folder, name), 0o444);
      subject.agentcol.start();
      expect(await subject.agentcol.ended()).toBe(1);
      expect(subject.agentcol.log).toMatch(/otel-config\.yaml:\d+:\d+: .*file_storage: .*permission denied/);
      expect(subject.agentcol.log).not.toContain('    at ');
      for (const name of fs.readdirSync(folder)) fs.chmodSync(path.join(folder, name), 0o600);
      fs.chmodSync(folder, 0o700);
      subject.agentcol.start();
      await subject.isWhole();
    },
  );

  it('that is removed while running is made again, and the totals with it', async () => {
    await using subject = new Subject();
    subject.write();
    subject.agentcol.start();
    await subject.settles();
    fs.rmSync(subject.workspace.file('state'), { recursive: true });
    subject.write();
    await subject.isWhole();
    expect(subject.agentcol.log).toContain('was taken away');
  });

  it('that is removed while running is still locked', async () => {
    await using subject = new Subject();
    subject.write();
    subject.agentcol.start();
    await subject.settles();
    fs.rmSync(subject.workspace.file('state'), { recursive: true });
    subject.write();
    await subject.settles();
    await until(() => fs.existsSync(subject.workspace.file('state', 'state.db')), 'a new state');
    using other = new Workspace();
    const second = new AgentcolProcess(other.folder, subject.database, { storage: subject.workspace.file('state') });
    second.start();
    expect(await second.ended()).toBe(1);
    expect(second.log).toContain('another agentcol uses');
  });
});
