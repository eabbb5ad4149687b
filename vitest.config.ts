import { defineConfig } from 'vitest/config';

/** The continuous integration adds up the results of several runs; everybody else wants only the readable report. */
export const results = process.env.AGENTCOL_RESULTS;

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/heavy/**', 'node_modules/**'],
    globalSetup: 'test/build.ts',
    // Most take milliseconds; what takes seconds may take many on a machine that does much else.
    testTimeout: 60_000,
    // Two processes: the machines this runs on have two cores, and a suite that fights itself for them is slower.
    maxWorkers: 2,
    // Loading the modules anew for every file would take a quarter of the time.
    isolate: false,
    reporters: results === undefined ? ['default'] : ['default', 'json'],
    ...(results === undefined ? {} : { outputFile: { json: `${results}/quick.json` } }),
    coverage: { include: ['src/**', 'receivers/**', 'processors/**', 'exporters/**', 'extensions/**'] },
  },
});
