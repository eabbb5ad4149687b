import type { ImportCounts } from './intake.ts';

export interface ImportSummary extends ImportCounts {
  readonly files: number;
  /** Files and folders that could not be read. */
  readonly unreadable: number;
  /** Lines that are not JSON. */
  readonly broken: number;
  /** Values that are neither payloads nor records of a transcript. */
  readonly unrecognised: number;
  /** Values that are, be they refused or known already. */
  readonly recognised: number;
}

/** Whether there was something, and nothing of it could be made use of: most likely it is no recording. */
export function isUnreadable(summary: ImportSummary): boolean {
  const unread = summary.broken + summary.unrecognised + refusals(summary);
  return unread > 0 && summary.recognised === refusals(summary);
}

/** What became of it, a line each; nothing of what is not there. */
export function describeImport(summary: ImportSummary, file: string): string {
  const refused = refusals(summary);
  const isNothingNew = summary.recognised > refused && summary.events + summary.requests === 0;
  const reasons = [...summary.refused].map(([reason, count]) => `${reason} ${count}`).join(', ');
  const lines: readonly (readonly [count: number, text: string])[] = [
    [summary.events, 'events stored'],
    [summary.requests, 'requests to the model stored, each once'],
    [summary.repeated - summary.toldBefore, 'events were there already'],
    [summary.toldBefore, 'recorded payloads left out: hooks or a transcript told of their sessions before'],
    [summary.retired, 'events and requests left out: retention deleted those of their sessions'],
    [refused, `payloads refused, as hooks would have refused them (${reasons})`],
    [summary.broken, 'lines left out: not JSON, or too long'],
    [summary.unrecognised, 'values left out: neither a payload nor a record of a transcript'],
    [summary.unreadable, 'files or folders could not be read'],
  ];
  const told = lines.filter(([count]) => count > 0).map(([count, text]) => `  ${count.toLocaleString('en')} ${text}\n`);
  if (isNothingNew) told.unshift('  nothing is new\n');
  return `read ${summary.files.toLocaleString('en')} files into ${file}\n${told.join('')}`;
}

function refusals({ refused }: ImportSummary): number {
  return [...refused.values()].reduce((sum, count) => sum + count, 0);
}
