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

/** A piece that is harmless but for so many bytes at its ends is harmless: in a file other things stand beside a name. */
const EDGE = 4;

/**
 * Every piece of 24 bytes of `contents` that is found in `outputs` (bytes as characters), each content's first one; but for
 * pieces of `harmless` texts, of which an output may show a part only: of what a page of a database held before, for one.
 */
export function leaks(
  contents: ReadonlySet<string>,
  outputs: readonly string[],
  harmless: Iterable<string>,
): readonly string[] {
  const shown = new Set<string>();
  for (const output of outputs) for (const piece of piecesOf(output, WIDTH)) shown.add(piece);
  const known = new Set<string>();
  for (const text of harmless) for (const piece of piecesOf(bytesOf(text), WIDTH - EDGE)) known.add(piece);
  const found: string[] = [];
  for (const content of contents) {
    for (const piece of piecesOf(bytesOf(content), WIDTH)) {
      if (!shown.has(piece) || piecesOf(piece, WIDTH - EDGE).some((inner) => known.has(inner))) continue;
      found.push(piece);
      break;
    }
  }
  return found;
}

function piecesOf(text: string, width: number): readonly string[] {
  return Array.from({ length: Math.max(0, text.length - width + 1) }, (_, start) => text.slice(start, start + width));
}
