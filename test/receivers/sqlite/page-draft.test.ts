import { expect, test } from 'vitest';
import { PageDraft } from '../../../receivers/sqlite/page-draft.ts';
import type { OpenRow, ReaderState } from '../../../src/component.ts';

const MOST_ABSENT = 16_384;

function absentRow(rowId: number): OpenRow {
  return { rowId, identity: `identity ${rowId}`, key: `key ${rowId}`, firstSeenMs: 0, absent: true };
}

function stateWith(open: readonly OpenRow[], absent: readonly OpenRow[]): ReaderState {
  return {
    position: undefined,
    open: new Map(open.map((row) => [row.rowId, row])),
    openByKey: (key) => open.find((row) => row.key === key),
    absent: new Map(absent.map((row) => [row.rowId, [row]])),
    absentByKey: (key) => absent.find((row) => row.key === key),
    seen: () => false,
    digest: (text) => text,
  };
}

test('absent rows that are too many are given up, those absent for longest first, and their keys taken', () => {
  const absent = Array.from({ length: MOST_ABSENT }, (_, index) => absentRow(index));
  const gone: OpenRow = { rowId: 90_000, identity: 'i', key: 'k', firstSeenMs: 5 };
  const draft = new PageDraft(stateWith([gone], absent));
  draft.miss(gone);
  draft.giveUpAbsent();
  expect(draft.openRows).toEqual({
    opened: [],
    closed: [90_000],
    absent: [{ ...gone, absent: true }],
    recalled: [absentRow(0)],
  });
  expect([...draft.keys]).toEqual(['key 0']);
});

test('an open row that can be known by nothing but its row id is not remembered', () => {
  const gone: OpenRow = { rowId: 1, identity: '', firstSeenMs: 5 };
  const draft = new PageDraft(stateWith([gone], []));
  draft.miss(gone);
  expect(draft.openRows).toEqual({ opened: [], closed: [1] });
});

test('a key whose open row lost its row id to another row is not taken for that one', () => {
  const first: OpenRow = { rowId: 1, identity: 'i', key: 'first', firstSeenMs: 5 };
  const draft = new PageDraft(stateWith([first], []));
  draft.miss(first);
  draft.open({ rowId: 1, identity: 'j', key: 'second', firstSeenMs: 6 });
  expect(draft.pendingByKey('first')).toEqual({ ...first, absent: true });
  expect(draft.pendingByKey('second')?.rowId).toBe(1);
});
