/**
 * Regular expressions whose time is in proportion to the text, whatever the expression and the text are: the Collector's
 * (RE2) syntax without what only backtracking can do. Groups only group, and there are no boundaries but `^` and `$`.
 */

/** Parts of a pattern with its repetitions written out, beyond which it is refused: `(a{100}){100}`. */
const MAX_PARTS = 1_000;

type State =
  | { readonly kind: 'character'; readonly matches: (character: string) => boolean; readonly next: number }
  | { readonly kind: 'split'; readonly next: readonly number[] }
  | { readonly kind: 'start' | 'end'; readonly next: number }
  | { readonly kind: 'accept' };

type Node =
  | { readonly kind: 'character'; readonly matches: (character: string) => boolean }
  | { readonly kind: 'start' | 'end' }
  | { readonly kind: 'sequence' | 'choice'; readonly parts: readonly Node[] }
  | { readonly kind: 'repeat'; readonly part: Node; readonly min: number; readonly max: number };

/** Whether the pattern is found anywhere in a text. Throws SyntaxError with the reason. */
export function linearRegexp(pattern: string): (text: string) => boolean {
  const automaton = compile(new Parser(pattern).parse());
  return (text) => search(automaton, text);
}

class Parser {
  readonly #pattern: string;
  readonly #flags: string;
  #at = 0;

  constructor(pattern: string) {
    const ignoresCase = pattern.startsWith('(?i)');
    this.#pattern = ignoresCase ? pattern.slice('(?i)'.length) : pattern;
    this.#flags = ignoresCase ? 'isu' : 'su';
  }

  parse(): Node {
    const node = this.#choice();
    if (this.#at < this.#pattern.length) throw new SyntaxError('a ) without a (');
    return node;
  }

  #choice(): Node {
    const parts = [this.#sequence()];
    while (this.#takes('|')) parts.push(this.#sequence());
    return parts.length === 1 ? parts[0]! : { kind: 'choice', parts };
  }

  #sequence(): Node {
    const parts: Node[] = [];
    while (this.#at < this.#pattern.length && !/[|)]/.test(this.#pattern[this.#at]!)) parts.push(this.#repeated());
    return { kind: 'sequence', parts };
  }

  #repeated(): Node {
    const part = this.#atom();
    const quantifier = this.#match(/(?:[*+?]|\{(\d{1,4})(,(\d{0,4}))?\})\??/y);
    if (quantifier === undefined) return part;
    if (part.kind === 'start' || part.kind === 'end') throw new SyntaxError('nothing to repeat');
    if (/^[*+?{]/.test(this.#pattern.slice(this.#at))) throw new SyntaxError('two quantifiers in a row');
    const [text, least, upTo, most] = quantifier;
    const min = least === undefined ? (text.startsWith('+') ? 1 : 0) : Number(least);
    const bounded = least !== undefined && (upTo === undefined || most !== '');
    const max = bounded ? Number(most ?? least) : text.startsWith('?') ? 1 : Infinity;
    if (min > max) throw new SyntaxError('the numbers of a quantifier are out of order');
    return { kind: 'repeat', part, min, max };
  }

  #atom(): Node {
    if (this.#takes('^')) return { kind: 'start' };
    if (this.#takes('$')) return { kind: 'end' };
    if (this.#match(/\(\?(?!:)/y) !== undefined) {
      throw new SyntaxError('no lookaround, named groups or flags but (?i) at the beginning; groups are ( ) or (?: )');
    }
    if (this.#match(/\((?:\?:)?/y) !== undefined) {
      const inner = this.#choice();
      if (!this.#takes(')')) throw new SyntaxError('a ( without a )');
      return inner;
    }
    if (this.#match(/\\[1-9kbB]/y) !== undefined) {
      throw new SyntaxError('neither back references nor \\b');
    }
    const atom = this.#match(
      /\[(?:\\.|[^\]\\])*\]|\\(?:[pP]\{[^}]*\}|x[\da-fA-F]{2}|u\{?[\da-fA-F]+\}?|.)|[^*+?{[\\]/suy,
    );
    if (atom === undefined) throw new SyntaxError(`nothing to repeat, or not closed, at character ${this.#at + 1}`);
    // One character at a time: what a class holds is for the engine to say, and there is nothing to go back over.
    const expression = new RegExp(`^${atom[0]}$`, this.#flags);
    return { kind: 'character', matches: (character) => expression.test(character) };
  }

  #takes(character: string): boolean {
    if (this.#pattern[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #match(expression: RegExp): RegExpExecArray | undefined {
    expression.lastIndex = this.#at;
    const found = expression.exec(this.#pattern);
    if (found === null) return undefined;
    this.#at += found[0].length;
    return found;
  }
}

interface Automaton {
  readonly states: readonly State[];
  readonly begin: number;
}

/** Thompson's construction. */
function compile(node: Node): Automaton {
  const states: State[] = [];
  let parts = 0;
  const add = (state: State): number => states.push(state) - 1;
  /** The state that begins `part` and goes on with `next`. */
  const build = (part: Node, next: number): number => {
    parts += 1;
    if (parts > MAX_PARTS) throw new SyntaxError('too long with its repetitions written out');
    switch (part.kind) {
      case 'sequence':
        return part.parts.reduceRight((following, inner) => build(inner, following), next);
      case 'choice':
        return add({ kind: 'split', next: part.parts.map((inner) => build(inner, next)) });
      case 'repeat':
        return repeat(part, next);
      default:
        return add({ ...part, next });
    }
  };
  const repeat = ({ part, min, max }: Node & { kind: 'repeat' }, next: number): number => {
    let begin = next;
    if (max === Infinity) {
      const loop = { kind: 'split' as const, next: [next] };
      begin = add(loop);
      loop.next.push(build(part, begin));
    } else {
      for (let count = min; count < max; count += 1) begin = add({ kind: 'split', next: [next, build(part, begin)] });
    }
    for (let count = 0; count < min; count += 1) begin = build(part, begin);
    return begin;
  };
  return { begin: build(node, add({ kind: 'accept' })), states };
}

/** All states at once, a character at a time. */
function search({ states, begin }: Automaton, text: string): boolean {
  let current: number[] = [];
  // Once more behind the last character, where only the end is left to be found.
  for (const [at, character] of [...text, undefined].entries()) {
    const reached = reach(states, [...current, begin], at === 0, character === undefined);
    if (reached === undefined) return true;
    if (character === undefined) continue;
    current = [];
    for (const index of reached) {
      const state = states[index]!;
      if (state.kind === 'character' && state.matches(character)) current.push(state.next);
    }
  }
  return false;
}

/** What is reached without a character, each state once; undefined: the end of the pattern. */
function reach(
  states: readonly State[],
  from: readonly number[],
  isStart: boolean,
  isEnd: boolean,
): ReadonlySet<number> | undefined {
  const reached = new Set<number>();
  const waiting = [...from];
  for (let index = waiting.pop(); index !== undefined; index = waiting.pop()) {
    if (reached.has(index)) continue;
    reached.add(index);
    const state = states[index]!;
    if (state.kind === 'accept') return undefined;
    if (state.kind === 'split') waiting.push(...state.next);
    else if ((state.kind === 'start' && isStart) || (state.kind === 'end' && isEnd)) waiting.push(state.next);
  }
  return reached;
}
