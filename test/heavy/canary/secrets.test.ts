import fs from 'node:fs';
import { hashSync } from 'bcrypt';
import { expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { Marks } from '../../canary/marks.ts';
import { createAgentWorkflow } from '../../fixtures/agent-workflow.ts';
import { Stage } from './stage.ts';

it('secrets of the configuration are in no output, in no stored file and on no command line', async () => {
  await using stage = new Stage();
  const marks = new Marks();
  createAgentWorkflow(stage.database).close();
  const token = marks.at('token');
  const password = marks.at('password');
  const inFile = stage.workspace.file('key');
  fs.writeFileSync(inFile, marks.at('key in a file'));
  const hash = hashSync(password, 5);
  marks.isHashed(hash, 'hash of a password');
  const config = parse(fs.readFileSync(stage.config, 'utf8')) as {
    processors: Record<string, unknown>;
    extensions: Record<string, unknown>;
    exporters: Record<string, object>;
    service: { extensions: string[] };
  };
  config.processors['hash'] = { key: `\${file:${inFile}}` };
  config.processors['strip_paths'] = { mode: 'hash', key: marks.at('key') };
  config.extensions['bearertokenauth'] = { token };
  config.extensions['basicauth'] = { htpasswd: { inline: `${marks.at('user')}:${hash}` } };
  config.service.extensions.push('bearertokenauth', 'basicauth');
  config.exporters['prometheus'] = { ...config.exporters['prometheus'], auth: { authenticator: 'bearertokenauth' } };
  fs.writeFileSync(stage.config, stringify(config));
  stage.start();
  const tries = [`Bearer ${marks.at('wrong token')}`, `Basic ${Buffer.from(`u:${password}`).toString('base64')}`];
  await stage.shows(() => true, `Bearer ${token}`);
  for (const authorization of tries) await stage.ask('metrics', `/metrics?token=${token}`, { authorization });
  const outputs = await stage.outputs();
  expect(String(outputs.get('print-config'))).toContain('[REDACTED]');
  for (const [name, output] of [...outputs, ...(await stage.stop())]) {
    expect([name, marks.found(output), String(output).includes(hash)]).toEqual([name, [], false]);
  }
});
