/** Lines of context around a change. */
const CONTEXT = 3;

interface Line {
  readonly mark: ' ' | '-' | '+';
  /** With its line break, if it has one. */
  readonly text: string;
}

/** As `diff -u` writes it; empty for equal texts. undefined: there is no file. */
export function unifiedDiff(name: string, before: string | undefined, after: string | undefined): string {
  if (before === after) return '';
  const names = [before, after].map((text) => (text === undefined ? '/dev/null' : name));
  return `--- ${names[0]!}\n+++ ${names[1]!}\n${hunks(compare(split(before ?? ''), split(after ?? '')))}`;
}

function split(text: string): readonly string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function compare(a: readonly string[], b: readonly string[]): readonly Line[] {
  const shorter = Math.min(a.length, b.length);
  let start = 0;
  while (start < shorter && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < shorter - start && a.at(-1 - end) === b.at(-1 - end)) end += 1;
  const kept = (lines: readonly string[]): readonly Line[] => lines.map((text) => ({ mark: ' ', text }));
  const middle = (lines: readonly string[]): readonly string[] => lines.slice(start, lines.length - end);
  return [...kept(a.slice(0, start)), ...compareMiddle(middle(a), middle(b)), ...kept(a.slice(a.length - end))];
}

/** Keeps a longest common subsequence. */
function compareMiddle(a: readonly string[], b: readonly string[]): readonly Line[] {
  // common[i][j]: how many lines the rests from a[i] and from b[j] on have in common.
  const common = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      common[i]![j] = a[i] === b[j] ? common[i + 1]![j + 1]! + 1 : Math.max(common[i + 1]![j]!, common[i]![j + 1]!);
    }
  }
  const lines: Line[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && a[i] === b[j]) {
      lines.push({ mark: ' ', text: a[i]! });
      i += 1;
      j += 1;
    } else if (j === b.length || (i < a.length && common[i + 1]![j]! >= common[i]![j + 1]!)) {
      lines.push({ mark: '-', text: a[i]! });
      i += 1;
    } else {
      lines.push({ mark: '+', text: b[j]! });
      j += 1;
    }
  }
  return lines;
}

function hunks(lines: readonly Line[]): string {
  let text = '';
  for (let index = 0; index < lines.length;) {
    const change = lines.findIndex(({ mark }, at) => at >= index && mark !== ' ');
    if (change < 0) break;
    const start = Math.max(index, change - CONTEXT);
    let end = change;
    // Up to where more lines are equal than two hunks have context.
    for (let at = change; at < lines.length && at - end <= 2 * CONTEXT; at += 1) if (lines[at]!.mark !== ' ') end = at;
    index = Math.min(lines.length, end + 1 + CONTEXT);
    text += `@@ -${range(lines, '-', start, index)} +${range(lines, '+', start, index)} @@\n`;
    text += lines.slice(start, index).map(printLine).join('');
  }
  return text;
}

/** "FIRST,COUNT" of the lines of one side; of none, the line before. */
function range(lines: readonly Line[], side: '-' | '+', start: number, end: number): string {
  const count = (part: readonly Line[]): number => part.filter(({ mark }) => mark === ' ' || mark === side).length;
  const length = count(lines.slice(start, end));
  return `${count(lines.slice(0, start)) + (length === 0 ? 0 : 1)},${length}`;
}

function printLine({ mark, text }: Line): string {
  return mark + (text.endsWith('\n') ? text : `${text}\n\\ No newline at end of file\n`);
}
