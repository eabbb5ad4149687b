import type { Marks } from './marks.ts';

/** What may stand in a column or a field: all kinds of paths, tokens, addresses, JSON, bytes. */
export type Shape = (secret: (part: string) => string) => string | Buffer;

/** Parts called `folder` are of folders that nobody may see; the last element of a path is shown where a path is. */
export const SHAPES: Readonly<Record<string, Shape>> = {
  word: (secret) => secret('word'),
  'unix path': (secret) => `/home/${secret('folder')}/${secret('folder')}/${secret('file')}.ts`,
  'path of a home': (secret) => `~/${secret('folder')}/${secret('file')}.ts`,
  'windows path': (secret) => `C:\\Users\\${secret('folder')}\\${secret('file')}.ts`,
  'network path': (secret) => `\\\\${secret('folder')}\\${secret('folder')}\\${secret('file')}.ts`,
  'file URL': (secret) => `file:///home/${secret('folder')}/${secret('file')}.ts`,
  'path in a sentence': (secret) => `cannot open "/srv/${secret('folder')}/${secret('file')}.ts": denied`,
  address: (secret) => `${secret('user')}@${secret('host')}.example`,
  token: (secret) => `sk-ant-api03-${secret('token')}`,
  JSON: (secret) => JSON.stringify({ [secret('key')]: [secret('value')], usage: { input_tokens: secret('number') } }),
  'malformed JSON': (secret) => `{"usage": {"input_tokens": ${secret('start')}`,
  'JSON path': (secret) => `$.[${secret('path')}`,
  'number and text': (secret) => `12${secret('text')}`,
  lines: (secret) => `one\n${secret('second')}\r\n\u001b[31m${secret('third')}`,
  bytes: (secret) => Buffer.concat([Buffer.from([0xff, 0xc3]), Buffer.from(secret('bytes'))]),
};

/** The shape filled with marks of its own; `place` says where it stands. */
export function marked(marks: Marks, place: string, shape: string): string | Buffer {
  const value = SHAPES[shape]!((part) => marks.at(`${place}: ${part} of ${shape}`));
  if (typeof value === 'string') marks.isHashed(value, `${place}: all of ${shape}`);
  return value;
}
