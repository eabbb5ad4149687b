import { didYouMean } from '../config/nearest.ts';
import { UsageError } from './usage-error.ts';

export type CheckpointOptions =
  | { readonly action: 'list'; readonly json: boolean }
  | { readonly action: 'reset'; readonly receiver: string; readonly table: string }
  | { readonly action: 'backup' | 'restore'; readonly file: string; readonly storage: string | undefined };

/** What follows each action of `checkpoint`. */
const CHECKPOINT_ACTIONS = { list: [], reset: ['RECEIVER', 'TABLE'], backup: ['FILE'], restore: ['FILE'] } as const;

/** Throws UsageError. */
export function parseCheckpoint(
  words: readonly string[],
  json: boolean,
  storage: string | undefined,
): CheckpointOptions {
  const actions = ['list', 'reset', 'backup', 'restore'] as const;
  const [name, first = '', second = ''] = words;
  const action = actions.find((known) => known === name);
  if (action === undefined) {
    const wrong = name === undefined ? '' : `: unknown action ${JSON.stringify(name)}${didYouMean(name, actions)}`;
    throw new UsageError(`checkpoint needs list, reset, backup or restore${wrong}`);
  }
  const wanted = CHECKPOINT_ACTIONS[action];
  if (words.length - 1 !== wanted.length) {
    throw new UsageError(`checkpoint ${action} takes ${wanted.length === 0 ? 'nothing more' : wanted.join(' and ')}`);
  }
  if (json && action !== 'list') throw new UsageError(`--json has no meaning for checkpoint ${action}`);
  if (storage !== undefined && (action === 'list' || action === 'reset')) {
    throw new UsageError(`--storage has no meaning for checkpoint ${action}`);
  }
  switch (action) {
    case 'list':
      return { action, json };
    case 'reset':
      return { action, receiver: first, table: second };
    case 'backup':
    case 'restore':
      return { action, file: first, storage };
  }
}
