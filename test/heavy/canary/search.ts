import type { Marks } from '../../canary/marks.ts';
import { columnsOf, expectNoneBut } from '../../canary/published.ts';
import type { Outputs } from './stage.ts';

/** Only what is published, its printout and the totals that are kept may tell of rows at all. */
const TELLS_OF_ROWS = /^(?:metrics, .*|standard output|file|OTLP|state: state\.db.*|backup|--once)$/;

/** No output tells of a place but those that may of `published`. Returns of what the metrics do. */
export function expectPublishedOnly(published: readonly string[], outputs: Outputs, marks: Marks): readonly string[] {
  const found = [...outputs].map(([name, output]) => [name, marks.found(output)] as const);
  expectNoneBut(published, new Map(found.filter(([name]) => TELLS_OF_ROWS.test(name))));
  expectNoneBut([], new Map(found.filter(([name]) => !TELLS_OF_ROWS.test(name))));
  return columnsOf(found.flatMap(([name, places]) => (/^(?:metrics|--once)/.test(name) ? places : [])));
}
