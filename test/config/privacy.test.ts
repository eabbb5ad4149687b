import { describe, expect, test } from 'vitest';
import { firstMatch, mustHide, privacySettings } from '../../src/config/privacy.ts';
import { load, problems } from './loading.ts';

const sensitive = firstMatch(privacySettings.properties.sensitive_attributes.default);

describe('by default', () => {
  test.each([
    ['session_id', 'values'],
    ['session.id', 'values'],
    ['sessionId', 'values'],
    ['SESSION_ID', 'values'],
    ['parentSessionId', 'values'],
    ['gen_ai.conversation.id', 'values'],
    ['cwd', 'folders'],
    ['code.file.path', 'folders'],
    ['transcript_path', 'folders'],
    ['filePath', 'folders'],
    ['process.working_directory', 'folders'],
    ['folder', 'folders'],
    ['prompt', 'values'],
    ['prompt_id', 'values'],
    ['gen_ai.input.messages', 'values'],
    ['gen_ai.system_instructions', 'values'],
    ['gen_ai.tool.call.arguments', 'values'],
    ['gen_ai.tool.call.result', 'values'],
    ['tool_input', 'values'],
    ['toolResponse', 'values'],
    ['raw_output', 'values'],
    ['command', 'values'],
    ['user', 'values'],
    ['user.name', 'values'],
    ['enduser.id', 'values'],
    ['username', 'values'],
    ['user.full_name', 'values'],
    ['user.email', 'values'],
    ['e-mail', 'values'],
  ])('%s must hide its %s', (name, hides) => {
    expect(sensitive(name)).toBeDefined();
    expect(mustHide(name)).toBe(hides);
  });

  test.each([
    'gen_ai.agent.name',
    'gen_ai.tool.name',
    'gen_ai.request.model',
    'gen_ai.token.type',
    'agent_workflow.phase',
    'agent_workflow.project',
    'agent_workflow.status',
    'agent_workflow.outcome',
    'agent_workflow.trigger',
    'error.type',
    'otel.metric.overflow',
  ])('%s is not sensitive', (name) => {
    expect(sensitive(name)).toBeUndefined();
  });
});

test('globs are spelt as freely as names, and the first that matches is told', () => {
  const match = firstMatch(['ticketId', 'user.*', '?x']);
  expect(match('ticket.id')).toBe('ticketId');
  expect(match('USER_NAME')).toBe('user.*');
  expect(match('ax')).toBe('?x');
  expect(match('abx')).toBeUndefined();
});

describe('service::privacy', () => {
  const config = (privacy: string): string =>
    `receivers: {sqlite: {database: /d}}\nexporters: {prometheus: }\nservice:\n  privacy: ${privacy}\n  pipelines: {metrics: {receivers: [sqlite], exporters: [prometheus]}}\n`;

  test('lists replace the defaults', async () => {
    const { service } = await load(config('{sensitive_attributes: [ticket], allow: [cwd]}'));
    expect(service.privacy).toEqual({ sensitive_attributes: ['ticket'], allow: ['cwd'] });
  });

  test('knows no other keys', async () => {
    expect(await problems(config('{alow: [cwd]}'))).toEqual([
      'a.yaml:4:13: service::privacy: unknown key "alow"; did you mean "allow"?',
    ]);
  });
});
