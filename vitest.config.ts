import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/heavy/**', 'node_modules/**'],
    testTimeout: 20_000,
    // Two processes: the machines this runs on have two cores, and a suite that fights itself for them is slower.
    maxWorkers: 2,
  },
});
