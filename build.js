// npm run build: dist/src/main.cjs is all that a hook loads, SQLite's JavaScript included; beside it is what other commands load.
import { cpSync, readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';

const options = { bundle: true, platform: 'node', target: 'node20', logLevel: 'warning' };

/** main.ts imports it when it is asked for another command than `hook`. */
const OTHER_COMMANDS = 'src/commands/execute.ts';

// All modules end up in one folder, and find there what they look for beside themselves.
cpSync('receivers/sqlite/presets', 'dist/src/presets', { recursive: true });
await Promise.all([
  build({
    ...options,
    entryPoints: ['src/main.ts'],
    outfile: 'dist/src/main.cjs',
    format: 'cjs',
    minify: true,
    define: { 'import.meta.url': '__filename' },
    plugins: [
      {
        name: 'other commands',
        setup: ({ onResolve }) => {
          onResolve({ filter: /\/execute\.ts$/ }, () => ({ path: './execute.js', external: true }));
        },
      },
    ],
  }),
  build({
    ...options,
    entryPoints: [OTHER_COMMANDS],
    outdir: 'dist/src',
    format: 'esm',
    splitting: true,
    // Of most, a command needs a part only; and some have compiled parts, which stay where they are installed.
    packages: 'external',
    // For the frames of an error: src/telemetry/frames.ts.
    sourcemap: true,
    sourcesContent: false,
  }),
]);

/** What a collector that was started from an earlier build may load yet. */
const KEPT_MS = 24 * 60 * 60 * 1_000;
for (const file of readdirSync('dist', { recursive: true }).map((name) => path.join('dist', String(name)))) {
  const stats = statSync(file);
  if (stats.isFile() && Date.now() - stats.mtimeMs > KEPT_MS) rmSync(file);
}
