import type { Database, Statement } from 'better-sqlite3';

/** For every parameter that a statement of ours can have: plans do not depend on the values. */
const PARAMETERS = { after: 0, upto: 0, limit: 1, ids: '[]', now: 0, abandoned: 0, database: '' };

interface PlanStep {
  readonly detail: string;
}

interface Instruction {
  readonly addr: number;
  readonly opcode: string;
  readonly p1: number;
  readonly p2: number;
}

/**
 * What of a tailing statement's plan grows with the table: everything that is not bounded by row ids. Of SQLite's words, such
 * as "SCAN jobs" (sqlite.org/eqp.html).
 */
export function unboundedSteps(database: Database, statement: Statement): readonly string[] {
  return stepsOf(database, statement).filter((detail) => {
    if (isScan(detail)) return true;
    const constraint = /^SEARCH \S+ .*\((.*)\)$/.exec(detail)?.[1];
    return constraint !== undefined && !/\browid[=<>]/.test(constraint);
  });
}

/** The scans of a query's plan, unless each ends by a LIMIT, whatever the size of the table. */
export function unlimitedScans(database: Database, statement: Statement): readonly string[] {
  const steps = stepsOf(database, statement);
  const results = new Set(steps.map((step) => /^(?:CO-ROUTINE|MATERIALIZE) (\S+)$/.exec(step)?.[1]));
  // max() without an index is told as a search without any means to do it.
  const scans = steps
    .filter((step) => (isScan(step) && !results.has(step.split(' ')[1])) || /^SEARCH \S+$/.test(step))
    .map((step) => step.replace('SEARCH', 'SCAN'));
  return scans.length > 0 && hasUnlimitedLoop(database, statement) ? scans : [];
}

function stepsOf(database: Database, statement: Statement): readonly string[] {
  const explained = database.prepare(`EXPLAIN QUERY PLAN ${statement.source}`);
  return (explained.all(PARAMETERS) as PlanStep[]).map(({ detail }) => detail);
}

/** Of a table: not of a table-valued function, a sub-query's result, a constant. */
function isScan(detail: string): boolean {
  return /^SCAN (?!\(|sqlite_|CONSTANT|\d+ CONSTANT)/.test(detail) && !detail.includes(' VIRTUAL TABLE ');
}

/** The plan does not tell a LIMIT, but the program does: a loop over a table that counts down and leaves. */
function hasUnlimitedLoop(database: Database, statement: Statement): boolean {
  const program = database.prepare(`EXPLAIN ${statement.source}`).all(PARAMETERS) as Instruction[];
  const tables = new Set(program.filter(({ opcode }) => opcode === 'OpenRead').map(({ p1 }) => p1));
  if (program.some(({ opcode }) => opcode === 'Count')) return true;
  return program.some((next) => {
    if ((next.opcode !== 'Next' && next.opcode !== 'Prev') || !tables.has(next.p1)) return false;
    const body = program.slice(next.p2, next.addr);
    const begins = program
      .slice(0, next.p2)
      .findLast(({ opcode, p1 }) => p1 === next.p1 && /^(?:Rewind|Last|Seek\w+)$/.test(opcode));
    // A loop that a seek begins (SeekGE, SeekRowid, ...) reads what an index finds.
    if (begins?.opcode !== 'Rewind' && begins?.opcode !== 'Last') return false;
    // LIMIT counts down; max() of an index or of row ids has what it wants with the first row.
    const leaves = body.find(
      ({ addr, opcode, p2 }) =>
        p2 > next.addr && (opcode === 'DecrJumpZero' || (opcode === 'Goto' && addr === next.addr - 1)),
    );
    if (leaves === undefined) return true;
    // A row that is passed over does not count: a condition may pass over all of them.
    return body.some(({ addr, p2 }) => addr < leaves.addr && p2 === next.addr);
  });
}
