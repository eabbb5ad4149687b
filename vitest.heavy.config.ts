import { defineConfig } from 'vitest/config';
import { results } from './vitest.config.ts';

/** What needs minutes, other programs (Prometheus, promtool, Python) or recorded data. One file at a time: it measures. */
export default defineConfig({
  test: {
    include: ['test/heavy/**/*.test.ts'],
    globalSetup: 'test/build.ts',
    testTimeout: 600_000,
    hookTimeout: 300_000,
    maxWorkers: 1,
    fileParallelism: false,
    reporters: results === undefined ? ['verbose'] : ['verbose', 'json'],
    ...(results === undefined ? {} : { outputFile: { json: `${results}/heavy.json` } }),
  },
});
