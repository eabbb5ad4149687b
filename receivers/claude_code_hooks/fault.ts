import Database from 'better-sqlite3';
import { isBusy } from './busy.ts';
import { HookDatabaseError } from './hook-database-error.ts';

/** Why an event could not be stored, without anything that a message of others might quote. */
export function describeFault(error: unknown): { readonly reason: string; readonly detail: string } {
  if (error instanceof HookDatabaseError) return { reason: error.reason, detail: error.message };
  if (isBusy(error)) return { reason: 'busy', detail: 'the database stayed locked' };
  if (error instanceof Database.SqliteError) return { reason: 'database', detail: error.code };
  if (error instanceof Error) {
    return { reason: 'error', detail: 'code' in error ? String(error.code) : error.name };
  }
  return { reason: 'error', detail: typeof error };
}
