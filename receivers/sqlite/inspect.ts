import { setTimeout as delay } from 'node:timers/promises';
import type { Database, Statement } from 'better-sqlite3';
import type { Remark } from '../../src/component.ts';
import { SourceError } from '../../src/errors.ts';
import { compileDistinct } from './distinct-reader.ts';
import { expressionFaults, sqlMessage } from './expression-faults.ts';
import type { DistinctPlan, Mapping, QueryPlan, TablePlan } from './mapping.ts';
import type { MappingConfig, SqliteConfig } from './config.ts';
import { loadPreset, placeInPreset } from './presets.ts';
import { unboundedSteps, unlimitedScans } from './query-plan.ts';
import { compileQuery } from './query-reader.ts';
import { RowCursor } from './row-cursor.ts';
import type { Source } from './source.ts';
import { type Compiler, quoteText } from './sql.ts';
import { describeTable, type Table } from './table.ts';
import { compileTable, cursorTableOf } from './table-statements.ts';

/** A database that is being written is locked for moments only. */
const TRIES = 10;
const PAUSE_MS = 100;

type Severity = Remark['severity'];
type Path = readonly (string | number)[];

export interface Subject {
  readonly config: SqliteConfig;
  /** Presets and the user's own, merged. */
  readonly mapping: MappingConfig;
  readonly plan: Mapping;
}

/** What `agentcol validate` says of a database: opened read-only and closed again. */
export async function inspectDatabase(source: Source, subject: Subject): Promise<readonly Remark[]> {
  try {
    for (let tries = 1; ; tries += 1) {
      source.poll();
      try {
        return source.read((database) => new Inspection(database, source.name, subject).remarks());
      } catch (error) {
        if (!(error instanceof SourceError)) throw error;
        if (error.reason !== 'busy' || tries === TRIES) return [{ ...unreadable(error), path: ['database'] }];
      }
      // A writer's lock tells nobody when it is over.
      await delay(PAUSE_MS);
    }
  } finally {
    source.close();
  }
}

function unreadable({ reason, message }: SourceError): Pick<Remark, 'severity' | 'message'> {
  if (reason === 'missing') return { severity: 'note', message };
  if (reason === 'busy')
    return { severity: 'warning', message: `${message.replace('; trying again', '')}: not looked into` };
  return { severity: 'error', message };
}

/** One look at one database, within one read transaction. */
class Inspection {
  readonly #database: Database;
  readonly #name: string;
  readonly #subject: Subject;
  readonly #remarks: Remark[] = [];

  constructor(database: Database, name: string, subject: Subject) {
    this.#database = database;
    this.#name = name;
    this.#subject = subject;
  }

  remarks(): readonly Remark[] {
    const { tables, distinct, queries } = this.#subject.plan;
    for (const plan of tables) this.#table(plan);
    for (const plan of distinct) this.#distinct(plan);
    for (const plan of queries) this.#query(plan);
    return this.#remarks;
  }

  #table(plan: TablePlan): void {
    const path = ['tables', plan.id];
    const table = this.#describe(plan.from, path);
    if (table === 'refused') return;
    if (table === undefined) {
      if (plan.optional) this.#say('note', path, `there is no table ${plan.from} yet; it counts as empty`);
      else this.#say('error', path, `there is no table ${plan.from}; it is waited for, unless it is optional`);
      return;
    }
    const statements: Statement[] = [];
    try {
      const { expand } = compileTable(this.#listening(statements), plan, table);
      const cursorTable = cursorTableOf(plan, table, expand, this.#name);
      new RowCursor(this.#listening(statements), cursorTable, String);
    } catch (error) {
      const faults = expressionFaults(this.#database, plan.id, this.#subject.mapping, table);
      for (const fault of faults) this.#say('error', fault.path, `table ${plan.from}: ${fault.message}`);
      if (faults.length === 0) this.#say('error', path, `table ${plan.from}: ${sqlMessage(error)}`);
      return;
    }
    this.#bounded(statements, path, plan.from);
    this.#guarantee(plan, table, path);
  }

  /** In words, how sure the counts are. */
  #guarantee(plan: TablePlan, table: Table, path: Path): void {
    const noticed =
      plan.identity.length > 0
        ? 'a replaced or restored database is noticed'
        : 'without identity, a replaced database may go unnoticed';
    if (plan.key !== undefined) {
      this.#say('note', path, `table ${plan.from}: each key is counted once, whatever happens to its rows; ${noticed}`);
    } else if (table.autoincrement) {
      this.#say('note', path, `table ${plan.from}: each row is counted once, row ids never come again; ${noticed}`);
    } else if (this.#hasIntegerKey(table)) {
      const again = 'row ids of deleted newest rows come again (no AUTOINCREMENT, no key), and are taken for new rows';
      this.#say('note', path, `table ${plan.from}: each row is counted once; ${again}; ${noticed}`);
    } else {
      const renumbered = 'VACUUM may give its rows other row ids, and then they may be counted again or not at all';
      this.#say('warning', path, `table ${plan.from} has no INTEGER PRIMARY KEY: ${renumbered}; a key: prevents it`);
    }
  }

  #hasIntegerKey(table: Table): boolean {
    const keys = this.#database
      .prepare(`SELECT upper(type) FROM pragma_table_info(${quoteText(table.name)}) WHERE pk > 0`)
      .pluck()
      .all();
    return keys.length === 1 && keys[0] === 'INTEGER';
  }

  #distinct(plan: DistinctPlan): void {
    const path = ['distinct', plan.metric.name];
    for (const { table: name, column } of plan.columns) {
      const table = this.#describe(name, path);
      if (table === 'refused') continue;
      if (table === undefined) {
        this.#say('note', path, `there is no table ${name} yet; it counts as empty`);
        continue;
      }
      const statements: Statement[] = [];
      try {
        compileDistinct(this.#listening(statements), table, column, String);
      } catch (error) {
        this.#say('error', [...path, 'of'], `table ${name}: ${sqlMessage(error)}`);
        continue;
      }
      this.#bounded(statements, path, name);
    }
  }

  #query(plan: QueryPlan): void {
    const path = ['queries', plan.id, 'sql'];
    try {
      const { statement } = compileQuery(this.#database, plan);
      for (const scan of unlimitedScans(this.#database, statement)) {
        const remedy = 'read its newest rows only: FROM (SELECT ... ORDER BY rowid DESC LIMIT 5000)';
        this.#say('warning', path, `reads a whole table each time it runs (${scan}), longer as it grows; ${remedy}`);
      }
    } catch (error) {
      this.#say('error', path, sqlMessage(error));
    }
  }

  #describe(name: string, path: Path): Table | 'refused' | undefined {
    try {
      return describeTable(this.#database, name);
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      this.#say('error', path, error.message);
      return 'refused';
    }
  }

  #bounded(statements: readonly Statement[], path: Path, table: string): void {
    const steps = new Set(statements.flatMap((statement) => unboundedSteps(this.#database, statement)));
    for (const step of steps) {
      this.#say('warning', path, `table ${table}: every page reads more as the table grows (${step})`);
    }
  }

  #listening(statements: Statement[]): Compiler {
    return {
      prepare: (sql) => {
        const statement = this.#database.prepare(sql);
        statements.push(statement);
        return statement;
      },
    };
  }

  /** With the place in the preset where it is not the user's own mapping. */
  #say(severity: Severity, path: Path, message: string): void {
    const { config } = this.#subject;
    const several = typeof config.database !== 'string' || /[*?]/.test(config.database);
    const subject = several ? `${this.#name}: ` : '';
    const [section, id] = path;
    const preset = presetWith(config, section as keyof MappingConfig, String(id));
    if (preset === undefined) this.#remarks.push({ severity, path, message: subject + message });
    else if (severity === 'note') this.#remarks.push({ severity, path: ['preset'], message: subject + message });
    else {
      const place = placeInPreset(preset, path);
      this.#remarks.push({ severity, path: ['preset'], message: `${subject}${place}: ${path.join('::')}: ${message}` });
    }
  }
}

/** The preset that an entry comes from; undefined: the user's own. */
function presetWith(config: SqliteConfig, section: keyof MappingConfig, id: string): string | undefined {
  if (Object.hasOwn(config[section], id)) return undefined;
  return [config.preset].flat().findLast((name) => Object.hasOwn(loadPreset(name)[section], id));
}
