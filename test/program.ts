import path from 'node:path';

/** The checkout. */
export const ROOT = path.resolve(import.meta.dirname, '..');

/** What users run, as test/build.ts has built it: `node MAIN --config ...`. */
export const MAIN = path.join(ROOT, 'dist/src/main.cjs');
