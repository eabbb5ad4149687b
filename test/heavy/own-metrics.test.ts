import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { ownMetrics } from '../../src/telemetry/instruments.ts';
import { READER, statusOf } from '../telemetry/statuses.ts';
import { requirement } from './requirement.ts';

const PROGRAM = 'promtool';

const promtool = requirement('promtool (Debian package prometheus)', spawnSync(PROGRAM, ['--version']).status === 0);

describe.skipIf(!promtool.met)(`promtool check metrics${promtool.reason}`, () => {
  test.each(['basic', 'normal', 'detailed'] as const)('accepts the own metrics of level %s', async (level) => {
    const failure = { reason: 'missing', message: '', sinceMs: 0 };
    const status = statusOf([READER, { ...READER, id: 'tool_calls', failure }], [READER]);
    const text = ownMetrics({ level, version: '1.2.3', status: () => status, reloadSucceeded: () => true });
    const input = await text();
    const { status: code, stdout, stderr } = spawnSync(PROGRAM, ['check', 'metrics'], { input, encoding: 'utf8' });
    expect({ code, said: stdout + stderr }).toEqual({ code: 0, said: '' });
  });
});
