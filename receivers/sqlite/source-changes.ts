import type { SourceChange } from '../../src/component.ts';

/**
 * What happened to a table, and where reading goes on. `doubtful`: how many rows at most are read a second time without
 * being known; undefined: a key tells them.
 */
export function changeOf(
  table: string,
  reason: string,
  what: string,
  cursor: number,
  doubtful: number | undefined,
): SourceChange[] {
  const message = `table ${table}: ${what}; reading on from row id ${cursor}`;
  if (doubtful === undefined) return [{ reason, message: `${message}; rows that were counted are known by their key` }];
  if (doubtful <= 0) return [{ reason, message }];
  const doubt = `up to ${doubtful} rows may be counted a second time (a key would prevent it)`;
  return [{ reason, message: `${message}; ${doubt}` }, rowsInDoubt(table, doubtful)];
}

export function rowsInDoubt(table: string, count: number): SourceChange {
  return {
    reason: 'rows_in_doubt',
    count,
    routine: true,
    message: `table ${table}: up to ${count} rows may be counted a second time`,
  };
}

/** `others`: how many row ids hold other rows; `upto`: the highest row that is known to be there. */
export function whatIsLeft(reason: string, others: number, upto: number): string {
  if (others > 0)
    return `the rows read before are known to be there up to row id ${upto} only: an older copy, or others`;
  if (reason === 'older_copy') return `the rows above row id ${upto} are gone: an older copy, or made anew`;
  return 'the newest rows are gone: deleted, so that their ids will be used again, or it is an older copy';
}

export function whatIsMissing(stableIds: boolean): string {
  const vacuum = ', or VACUUM has renumbered the rows, as it does without INTEGER PRIMARY KEY';
  return `none of the rows read before is where it was: the file or the table is another one${stableIds ? '' : vacuum}; totals go on`;
}

/** What to tell of open rows that are gone. */
export function openRowsGone(table: string, count: number): SourceChange {
  return {
    reason: 'open_row_gone',
    count,
    // So it goes whenever a session is resumed, by INSERT OR REPLACE.
    routine: true,
    message: `table ${table}: ${count} open ${count === 1 ? 'row was' : 'rows were'} deleted or replaced before being complete, and will be counted only if they come back`,
  };
}

export function openRowsBack(table: string, count: number): SourceChange {
  return {
    reason: 'open_row_back',
    count,
    routine: true,
    message: `table ${table}: ${count} open ${count === 1 ? 'row that was' : 'rows that were'} gone before being complete came back`,
  };
}
