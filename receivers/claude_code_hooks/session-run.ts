import type { Mark } from './agent-runs.ts';

/** The beginning or the end of a session. */
export interface SessionMark extends Mark {
  readonly model: string | null;
  readonly cwd: string | null;
}

/** The latest run of a session, as its starts and ends tell. */
export interface SessionRun {
  /** The start that resumed an ended session; undefined in its first run. */
  readonly resumed: SessionMark | undefined;
  /** The first start of this run. */
  readonly start: SessionMark | undefined;
  readonly end: SessionMark | undefined;
}

/** A start after the end begins a new run; within a run the first start and the first end count. */
export function sessionRun(marks: readonly SessionMark[]): SessionRun {
  let run: SessionRun = { resumed: undefined, start: undefined, end: undefined };
  for (const mark of [...marks].sort(byTime)) {
    if (mark.name === 'session_end') run = { ...run, end: run.end ?? mark };
    else if (run.end !== undefined && mark.time > run.end.time) run = { resumed: mark, start: mark, end: undefined };
    else run = { ...run, start: run.start ?? mark };
  }
  return run;
}

/** Of one millisecond, a start does not follow the end. */
function byTime(a: SessionMark, b: SessionMark): number {
  if (a.time !== b.time) return a.time < b.time ? -1 : 1;
  return Number(a.name === 'session_end') - Number(b.name === 'session_end');
}
