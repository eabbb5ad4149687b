import fs from 'node:fs';

/** Resident memory of a process, MiB; `peak`: the highest ever. Linux only. */
export function residentMiB(pid: number, peak = false): number {
  const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
  const match = new RegExp(`^${peak ? 'VmHWM' : 'VmRSS'}:\\s+(\\d+) kB$`, 'm').exec(status);
  return Number(match?.[1]) / 1024;
}

/** Open file descriptors of a process. Linux only. */
export function descriptors(pid: number): number {
  return fs.readdirSync(`/proc/${pid}/fd`).length;
}

/** Of /proc, a second: the same on every Linux that Node runs on. */
const CLOCK_TICKS = 100;

/** Processor time that a process has taken, seconds. Linux only. */
export function processorSeconds(pid: number): number {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS;
}
