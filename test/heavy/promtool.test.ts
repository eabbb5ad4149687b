import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { exposition } from '../../exporters/prometheus/exposition.ts';
import { awkwardSource } from '../exporters/prometheus/awkward-source.ts';
import { requirement } from './requirement.ts';

const PROGRAM = 'promtool';

const promtool = requirement('promtool (Debian package prometheus)', spawnSync(PROGRAM, ['--version']).status === 0);

describe.skipIf(!promtool.met)(`promtool check metrics${promtool.reason}`, () => {
  const check = (input: string) => {
    const { status, stdout, stderr } = spawnSync(PROGRAM, ['check', 'metrics'], { input, encoding: 'utf8' });
    return { status, said: stdout + stderr };
  };

  test('accepts the text format, without a word', () => {
    expect(check(exposition([awkwardSource()], 'text'))).toEqual({ status: 0, said: '' });
  });

  test('finds what is wrong: it does read what it is given', () => {
    const doubled = exposition([awkwardSource()], 'text').repeat(2);
    expect(check(doubled).status).not.toBe(0);
  });
});
