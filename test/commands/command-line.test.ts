import { describe, expect, test } from 'vitest';
import { parseCommandLine } from '../../src/commands/command-line.ts';
import { UsageError } from '../../src/commands/usage-error.ts';

describe('a call', () => {
  const none = { files: [], sets: [] };
  test.each([
    [[], { command: 'run', ...none, allowRoot: false }],
    [['run', '--allow-root'], { command: 'run', ...none, allowRoot: true }],
    [['--once'], { command: 'once', ...none }],
    [['run', '--once', '-c', 'a'], { command: 'once', files: ['a'], sets: [] }],
    [
      ['--config', 'a', '--set', 'x=1', '--config=b', '--set=y::z=2=3'],
      { command: 'run', files: ['a', 'b'], sets: ['x=1', 'y::z=2=3'], allowRoot: false },
    ],
    [['--config', 'a', 'validate'], { command: 'validate', files: ['a'], sets: [], strict: false, json: false }],
    [['validate', '--strict', '--json'], { command: 'validate', ...none, strict: true, json: true }],
    [['print-config', '-c', 'a'], { command: 'print-config', files: ['a'], sets: [] }],
    [['components'], { command: 'components', names: [], all: false, json: false }],
    [
      ['components', 'sqlite', 'hash', '--json'],
      { command: 'components', names: ['sqlite', 'hash'], all: false, json: true },
    ],
    [
      ['proxy-config', 'caddy', '-c', 'a'],
      {
        command: 'proxy-config',
        proxy: 'caddy',
        files: ['a'],
        sets: [],
        exporter: undefined,
        serverName: 'metrics.example.org',
        address: undefined,
        port: 9443,
        certificate: '/etc/caddy/agentcol/certificate.pem',
        certificateKey: '/etc/caddy/agentcol/certificate.key',
        users: '/etc/caddy/agentcol/users',
      },
    ],
    [
      [
        ...[
          'proxy-config',
          'nginx',
          '--exporter',
          'prometheus/2',
          '--listen',
          '[::1]:443',
          '--server-name',
          'a.example',
        ],
        ...['--certificate', '/c.pem', '--certificate-key=/k.pem', '--users', '/u'],
      ],
      {
        command: 'proxy-config',
        proxy: 'nginx',
        files: [],
        sets: [],
        exporter: 'prometheus/2',
        serverName: 'a.example',
        address: '::1',
        port: 443,
        certificate: '/c.pem',
        certificateKey: '/k.pem',
        users: '/u',
      },
    ],
    [['components', '--all'], { command: 'components', names: [], all: true, json: false }],
    [['checkpoint', 'list', '--json'], { command: 'checkpoint', ...none, action: 'list', json: true }],
    [
      ['checkpoint', 'reset', 'sqlite', 'jobs', '-c', 'a'],
      { command: 'checkpoint', files: ['a'], sets: [], action: 'reset', receiver: 'sqlite', table: 'jobs' },
    ],
    [
      ['checkpoint', 'backup', 'b.db'],
      { command: 'checkpoint', ...none, action: 'backup', file: 'b.db', storage: undefined },
    ],
    [
      ['checkpoint', 'restore', 'b.db', '--storage', 'file_storage/2'],
      { command: 'checkpoint', ...none, action: 'restore', file: 'b.db', storage: 'file_storage/2' },
    ],
    [
      ['hooks', 'install', '--scope', 'project', '--database', 'a b.db', '--capture-content', '--max-depth', '9'],
      {
        command: 'hooks',
        action: 'install',
        scope: 'project',
        settings: undefined,
        dryRun: false,
        database: 'a b.db',
        captureContent: true,
        maxInputBytes: undefined,
        maxStoredTextBytes: undefined,
        maxDepth: 9,
      },
    ],
    [
      ['hooks', 'install', '--dry-run', '--no-capture-content', '--max-input-bytes=5', '--max-stored-text-bytes', '0'],
      {
        command: 'hooks',
        action: 'install',
        scope: undefined,
        settings: undefined,
        dryRun: true,
        database: undefined,
        captureContent: false,
        maxInputBytes: 5,
        maxStoredTextBytes: 0,
        maxDepth: undefined,
      },
    ],
    [
      ['hooks', 'uninstall', '--settings', 'a.json'],
      { command: 'hooks', action: 'uninstall', scope: undefined, settings: 'a.json', dryRun: false },
    ],
    [
      ['hooks', 'status', '--json'],
      { command: 'hooks', action: 'status', scope: undefined, settings: undefined, json: true },
    ],
    [['doctor', '--json', '-c', 'a'], { command: 'doctor', files: ['a'], sets: [], json: true }],
    [['--version'], { command: 'version' }],
    [['-h'], { command: 'help', of: undefined }],
    [['validate', '--help'], { command: 'help', of: 'validate' }],
    [['checkpoint', 'reset', '-h'], { command: 'help', of: 'checkpoint' }],
    [['vaildate', '-h'], { command: 'help', of: undefined }],
    [['help'], { command: 'help', of: undefined }],
    [['help', 'validate'], { command: 'help', of: 'validate' }],
    [['help', 'help'], { command: 'help', of: undefined }],
  ])('%j', (words, line) => {
    expect(parseCommandLine(words)).toEqual(line);
  });
});

describe('a call that means nothing', () => {
  test.each([
    [['--confg', 'a'], 'unknown option "--confg"; did you mean "--config"?'],
    [['--config'], "Option '-c, --config <value>' argument missing"],
    [['--once=5'], "Option '--once' does not take an argument"],
    [['start'], 'unknown command "start"'],
    [['halp'], 'unknown command "halp"; did you mean "help"?'],
    [['help', 'validat'], 'unknown command "validat"; did you mean "validate"?'],
    [['validat'], 'unknown command "validat"; did you mean "validate"?'],
    [['run', 'my.yaml'], 'unexpected argument "my.yaml"; did you mean --config "my.yaml"?'],
    [['my.yaml'], 'unknown command "my.yaml"; did you mean --config "my.yaml"?'],
    [['--dry'], 'unknown option "--dry"'],
    [['validate', '--once'], '--once has no meaning for validate'],
    [['components', '--config', 'a'], '--config has no meaning for components'],
    [['components', '--set', 'a=b'], '--set has no meaning for components'],
    [['run', '--strict'], '--strict has no meaning for run'],
    [['print-config', '--json'], '--json has no meaning for print-config'],
    [['checkpoint'], 'checkpoint needs list, reset, backup or restore'],
    [
      ['checkpoint', 'lst'],
      'checkpoint needs list, reset, backup or restore: unknown action "lst"; did you mean "list"?',
    ],
    [['checkpoint', 'list', 'jobs'], 'checkpoint list takes nothing more'],
    [['checkpoint', 'reset', 'jobs'], 'checkpoint reset takes RECEIVER and TABLE'],
    [['checkpoint', 'backup'], 'checkpoint backup takes FILE'],
    [['checkpoint', 'backup', 'a', '--json'], '--json has no meaning for checkpoint backup'],
    [['checkpoint', 'list', '--storage', 'a'], '--storage has no meaning for checkpoint list'],
    [['run', '--storage', 'a'], '--storage has no meaning for run'],
    [['hooks'], 'hooks needs install, uninstall or status'],
    [['hooks', 'instal'], 'hooks needs install, uninstall or status: unknown action "instal"; did you mean "install"?'],
    [['hooks', 'status', 'now'], 'unexpected argument "now"'],
    [['hooks', 'status', '--dry-run'], '--dry-run has no meaning for hooks status'],
    [['hooks', 'uninstall', '--database', 'a'], '--database has no meaning for hooks uninstall'],
    [['hooks', 'install', '--json'], '--json has no meaning for hooks install'],
    [
      ['hooks', 'install', '--scope', 'users'],
      '--scope is user, project or local: unknown scope "users"; did you mean "user"?',
    ],
    [['hooks', 'status', '--scope', 'user', '--settings', 'a'], '--settings and --scope exclude each other'],
    [
      ['hooks', 'install', '--capture-content', '--no-capture-content'],
      '--capture-content and --no-capture-content exclude each other',
    ],
    [['hooks', 'install', '--max-depth', '-1'], "Option '--max-depth' argument is ambiguous."],
    [['hooks', 'install', '--max-depth', '1.5'], '--max-depth takes a whole number'],
    [['doctor', '--scope', 'user'], '--scope has no meaning for doctor'],
    [['validate', '--allow-root'], '--allow-root has no meaning for validate'],
    [['proxy-config'], 'proxy-config needs nginx or caddy'],
    [['proxy-config', 'nginy'], 'proxy-config needs nginx or caddy: unknown proxy "nginy"; did you mean "nginx"?'],
    [['proxy-config', 'nginx', 'caddy'], 'unexpected argument "caddy"'],
    ...['0', '99999', 'here', 'unix:/run/proxy.sock'].map((listen): [string[], string] => [
      ['proxy-config', 'nginx', '--listen', listen],
      '--listen takes a port or address:port, as in --listen 9443',
    ]),
    ...['a.example:443', 'a b', 'a;}'].map((name): [string[], string] => [
      ['proxy-config', 'nginx', '--server-name', name],
      '--server-name takes a host name, without a port',
    ]),
    ...['here.pem', '/a b.pem', '/a;b', '/$a', '/a"b', '/{a}', '/a\\nb'].map((file): [string[], string] => [
      ['proxy-config', 'caddy', '--certificate', file],
      '--certificate takes an absolute path of letters, digits and . _ - @ + /',
    ]),
    [['run', '--users', '/a'], '--users has no meaning for run'],
    [['validate', '--all'], '--all has no meaning for validate'],
  ])('%j: %s', (words, message) => {
    expect(() => parseCommandLine(words)).toThrow(new UsageError(message));
  });
});
