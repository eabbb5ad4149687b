/**
 * Loaded into a measured agentcol by --import: answers each message with what the process has used, and writes the same to
 * AGENTCOL_BENCH_REPORT at the end. AGENTCOL_BENCH_DELAY: watches the event loop, which costs a timer a millisecond.
 */
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const { AGENTCOL_BENCH_REPORT: file, AGENTCOL_BENCH_DELAY: watch } = process.env;
const delay = watch === undefined ? undefined : monitorEventLoopDelay({ resolution: 1 });
delay?.enable();

function usage() {
  const { user, system } = process.cpuUsage();
  const used = {
    cpuMs: (user + system) / 1e3,
    residentBytes: process.memoryUsage.rss(),
    peakBytes: process.resourceUsage().maxRSS * 1024,
    // From the last message to this one.
    longestBlockMs: delay === undefined ? undefined : delay.max / 1e6,
    blockP999Ms: delay === undefined ? undefined : delay.percentile(99.9) / 1e6,
  };
  delay?.reset();
  return used;
}

process.on('message', () => process.send?.(usage()));
process.channel?.unref();
if (file !== undefined) process.on('exit', () => writeFileSync(file, JSON.stringify(usage())));
