import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readAnswer, refusalText } from '../../src/otlp/answer.ts';
import { encode } from './protobuf.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test.each(['rejectedSpans', 'rejectedDataPoints', 'rejectedLogRecords'])('JSON tells %s as number or text', (name) => {
  const answer = (rejected: unknown) =>
    readAnswer(bytes(JSON.stringify({ partialSuccess: { [name]: rejected, errorMessage: 'too old' } })), 'json');
  expect(answer(3)).toEqual({ rejected: 3, message: 'too old' });
  expect(answer('3')).toEqual({ rejected: 3, message: 'too old' });
});

test('protobuf tells what was rejected, or that it only warns', () => {
  const answer = (partialSuccess: object) => readAnswer(encode('ExportServiceResponse', { partialSuccess }), 'proto');
  expect(answer({ rejected: 300, errorMessage: 'too old' })).toEqual({ rejected: 300, message: 'too old' });
  expect(answer({ errorMessage: 'soon too old' })).toEqual({ rejected: 0, message: 'soon too old' });
  expect(answer({})).toBeUndefined();
});

test('nothing is no objection', () => {
  expect(readAnswer(new Uint8Array(), 'proto')).toBeUndefined();
  expect(readAnswer(new Uint8Array(), 'json')).toBeUndefined();
  expect(readAnswer(bytes('{"partialSuccess": null}'), 'json')).toBeUndefined();
});

test('what is no answer throws, and nothing else happens', () => {
  for (const garbage of ['<html>', '\u0000', '200 OK']) {
    expect(() => readAnswer(bytes(garbage), 'proto')).toThrow(RangeError);
    expect(() => readAnswer(bytes(garbage), 'json')).toThrow(SyntaxError);
  }
  const any = fc.uint8Array({ maxLength: 64 });
  fc.assert(
    fc.property(any, (body) => {
      try {
        readAnswer(body, 'proto');
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }),
  );
});

test('a refusal is told in one short line, however it is written', () => {
  const status = encode('RpcStatus', { code: 3, message: 'no such\n\u001b[31mtenant' });
  expect(refusalText(status, 'application/x-protobuf')).toBe('no such [31mtenant');
  expect(refusalText(bytes('{"code":3,"message":"no such tenant"}'), 'application/json')).toBe('no such tenant');
  expect(refusalText(bytes('404 page not found\n'), 'text/plain; charset=utf-8')).toBe('404 page not found');
  expect(refusalText(bytes('{'), 'application/json')).toBe('{');
  expect(refusalText(bytes('<html>...'), 'text/html')).toBe('');
  expect(refusalText(bytes('x'.repeat(500)), 'text/plain')).toHaveLength(203);
});
