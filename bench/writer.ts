/** A process that writes: `writer.ts DATABASE ROWS_PER_SECOND`, in up to 100 commits a second, until its parent disconnects. */
import { performance } from 'node:perf_hooks';
import { RowWriter } from './source.ts';

const COMMITS_PER_SECOND = 100;

const [database, rowsPerSecond] = process.argv.slice(2);
if (database === undefined || rowsPerSecond === undefined) throw new Error('usage: writer.ts DATABASE ROWS_PER_SECOND');
const writer = new RowWriter(database);
const begin = performance.now();
let written = 0;
const timer = setInterval(() => {
  const due = Math.floor(((performance.now() - begin) / 1000) * Number(rowsPerSecond)) - written;
  if (due < 1) return;
  writer.commit(due);
  written += due;
}, 1000 / COMMITS_PER_SECOND);
process.on('disconnect', () => {
  clearInterval(timer);
  writer.close();
});
