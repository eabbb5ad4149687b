import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');

interface LockedPackage {
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

function locked(): [folder: string, LockedPackage][] {
  const lock: unknown = JSON.parse(fs.readFileSync(path.join(root, 'package-lock.json'), 'utf8'));
  if (typeof lock !== 'object' || lock === null || !('packages' in lock)) throw new Error('no lock file');
  return Object.entries(lock.packages as Record<string, LockedPackage>);
}

describe('package-lock.json', () => {
  it('names no download addresses, so that any registry serves', () => {
    expect(locked().filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
  });

  it('knows the binaries of every platform: npm ci refuses a lock without them', () => {
    const folders = new Set(locked().map(([folder]) => folder));
    const missing = locked().flatMap(([folder, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) => !folders.has(`node_modules/${name}`) && !folders.has(`${folder}/node_modules/${name}`),
      ),
    );
    expect(missing).toEqual([]);
  });
});
