/** Shorter pieces of text are words; from here on they are somebody's. */
const WIDTH = 24;

/** Whatever of a payload is content: where it says what somebody or something said, read, wrote or ran. */
const CONTENT = new Set([
  'prompt',
  'tool_input',
  'tool_response',
  'message',
  'last_assistant_message',
  'custom_instructions',
  'permission_suggestions',
  'description',
  'transcript_path',
  'agent_transcript_path',
  'cwd',
]);

/** All texts below the content fields of a payload, keys of objects included. */
export function* contentTexts(payload: Readonly<Record<string, unknown>>): Generator<string> {
  for (const [field, value] of Object.entries(payload)) if (CONTENT.has(field)) yield* textsOf(value);
}

function* textsOf(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      yield key;
      yield* textsOf(inner);
    }
  }
}

/** Bytes as one character each, so that texts and raw files compare. */
export function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/**
 * Every piece of 24 bytes of `contents` that is found in `outputs` (bytes as characters), each content's first one. What stands
 * in `allowed` may be there, and what stands in `before`, where nothing of the contents can have come from.
 */
export function leaks(
  contents: ReadonlySet<string>,
  outputs: readonly string[],
  { allowed, before }: { readonly allowed: ReadonlySet<string>; readonly before: readonly string[] },
): readonly string[] {
  // A value that is shorter than a piece cannot make one up alone.
  const masked = [...allowed].map(bytesOf).filter((value) => value.length >= WIDTH);
  masked.sort((a, b) => b.length - a.length);
  const pieces = new Set<string>();
  for (const output of outputs) {
    const rest = masked.reduce((text, value) => text.replaceAll(value, '\0'), output);
    for (const piece of piecesOf(rest)) pieces.add(piece);
  }
  for (const output of before) for (const piece of piecesOf(output)) pieces.delete(piece);
  const found: string[] = [];
  for (const content of contents) {
    for (const piece of piecesOf(bytesOf(content))) {
      if (!pieces.has(piece)) continue;
      found.push(piece);
      break;
    }
  }
  return found;
}

function* piecesOf(text: string): Generator<string> {
  for (let start = 0; start + WIDTH <= text.length; start += 1) yield text.slice(start, start + WIDTH);
}
