import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import {
  HOOK_EVENTS,
  hookEntry,
  type HookProgram,
} from '../../../../receivers/claude_code_hooks/install/hook-entry.ts';
import { readHooks, withHooks, withoutHooks } from '../../../../receivers/claude_code_hooks/install/settings-text.ts';

const PROGRAM: HookProgram = {
  node: '/opt/node 20/bin/node',
  main: '/opt/agent col/dist/src/main.cjs',
  database: '/home/me/my data/agents.db',
};

const ENTRY = {
  type: 'command',
  command: '/opt/node 20/bin/node',
  args: ['/opt/agent col/dist/src/main.cjs', 'hook', '--database', '/home/me/my data/agents.db'],
  async: true,
  timeout: 10,
};
const LAST = { type: 'command', command: ENTRY.command, args: ENTRY.args, timeout: 1 };
const GROUP = { matcher: '*', hooks: [ENTRY] };

const ALL = {
  SessionStart: [GROUP],
  UserPromptSubmit: [{ hooks: [ENTRY] }],
  PreToolUse: [GROUP],
  PermissionRequest: [GROUP],
  PermissionDenied: [GROUP],
  PostToolUse: [GROUP],
  PostToolUseFailure: [GROUP],
  SubagentStart: [GROUP],
  SubagentStop: [GROUP],
  PreCompact: [GROUP],
  Notification: [GROUP],
  Stop: [{ hooks: [ENTRY] }],
  SessionEnd: [{ matcher: '*', hooks: [LAST] }],
};

const FORMATS: Readonly<Record<string, string>> = {
  'two blanks': '{\n  "model": "opus",\n  "permissions": {\n    "deny": ["Read(.env)"]\n  }\n}\n',
  tabs: '{\n\t"model": "opus",\n\t"hooks": {\n\t\t"Stop": []\n\t}\n}\n',
  'four blanks, CRLF': '{\r\n    "model": "opus",\r\n    "hooks": {\r\n        "PreToolUse": []\r\n    }\r\n}\r\n',
  'no final line break': '{\n  "model": "opus"\n}',
  'one line': '{"model":"opus","hooks":{"Stop":[{"hooks":[{"type":"command","command":"x"}]}]}}',
  'one line with blanks': '{"model": "opus", "list": [1, 2]}\n',
  'no indentation': '{\n"model": "opus",\n"hooks": {\n}\n}\n',
  'odd blanks': '\n\n {   "model"\t:"opus"\n ,"hooks" :{ "Stop" : [\n\n] } }  \n\n',
  'an empty object': '{}',
  'an empty object over two lines': '{\n}\n',
  "other people's hooks": JSON.stringify(
    {
      hooks: {
        PreToolUse: [
          { matcher: 'Bash', hooks: [{ type: 'command', command: 'guard.sh' }] },
          { matcher: '*', hooks: [{ type: 'http', url: 'http://127.0.0.1:1' }] },
        ],
        Stop: [{ hooks: [{ type: 'command', command: '/opt/agentcolour/agentcolour hook' }] }],
        Unheard: [{ hooks: [] }],
      },
      z: '\ud800\u0000',
    },
    undefined,
    3,
  ),
};

function parsed(text: string): { hooks?: Record<string, unknown[]> } {
  return JSON.parse(text) as { hooks?: Record<string, unknown[]> };
}

describe('installing', () => {
  it('names every event, in exec form, with absolute paths', () => {
    expect(parsed(withHooks('{}', PROGRAM))).toEqual({ hooks: ALL });
  });

  it('lets the agent wait for nothing but SessionEnd, whose hooks share 1.5 s', () => {
    const waited = HOOK_EVENTS.filter((event) => !('async' in hookEntry(PROGRAM, event)));
    expect(waited).toEqual(['SessionEnd']);
    expect(hookEntry(PROGRAM, 'SessionEnd').timeout).toBe(1);
  });

  test.each(Object.entries(FORMATS))('keeps what is there: %s', (_, text) => {
    const installed = withHooks(text, PROGRAM);
    const before = parsed(text);
    const after = parsed(installed);
    for (const [event, groups] of Object.entries(ALL)) {
      expect(after.hooks?.[event]).toEqual([...(before.hooks?.[event] ?? []), ...groups]);
    }
    expect({ ...after, hooks: undefined }).toEqual({ ...before, hooks: undefined });
    expect(after.hooks?.['Unheard']).toEqual(before.hooks?.['Unheard']);
    // Insertions only: what was there is there still, in its order.
    let at = 0;
    for (const character of text.replace(/\s/g, '')) {
      at = installed.indexOf(character, at) + 1;
      expect(at).toBeGreaterThan(0);
    }
  });

  test.each(Object.entries(FORMATS))('twice changes nothing the second time: %s', (_, text) => {
    const installed = withHooks(text, PROGRAM);
    expect(withHooks(installed, PROGRAM)).toBe(installed);
  });

  it('writes as the file is written', () => {
    const tabs = withHooks(FORMATS['tabs']!, PROGRAM);
    expect(tabs).toMatch(/^\{\n\t"model": "opus",\n\t"hooks": \{\n\t\t"Stop": \[\n\t\t\t\{\n\t\t\t\t"hooks": \[\n/);
    expect(tabs).not.toMatch(/^ /m);
    const windows = withHooks(FORMATS['four blanks, CRLF']!, PROGRAM);
    expect(windows.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    expect(windows).toContain('\r\n        "SessionStart": [\r\n            {\r\n                "matcher": "*",\r\n');
    expect(withHooks(FORMATS['one line']!, PROGRAM)).not.toMatch(/\s(?!20|col|data)/);
    expect(withHooks(FORMATS['one line with blanks']!, PROGRAM)).toMatch(
      /^\{"model": "opus", "list": \[1, 2\], "hooks": \{"SessionStart": \[\{"matcher": "\*", "hooks": \[\{"type": "command", /,
    );
    expect(withHooks(FORMATS['no final line break']!, PROGRAM)).toMatch(/\S$/);
  });

  it('brings entries of an earlier place up to date where they stand', () => {
    const text = FORMATS["other people's hooks"]!;
    const moved = { ...PROGRAM, node: '/gone/node', main: '/gone/dist/src/main.cjs' };
    const before = withHooks(text, moved).replace('"Stop": [', '"Stop": [ {"hooks": []},');
    const after = withHooks(before, PROGRAM);
    expect(after).toBe(
      before.replaceAll('/gone/node', PROGRAM.node).replaceAll('/gone/dist/src/main.cjs', PROGRAM.main),
    );
  });

  it('leaves one of several entries of its own, the one that is asked for everything', () => {
    const own = (matcher: string): unknown => ({ matcher, hooks: [ENTRY, { type: 'command', command: 'other' }] });
    const text = JSON.stringify({ hooks: { PreToolUse: [own('Bash'), own('*'), own('')] } });
    expect(parsed(withHooks(text, PROGRAM)).hooks?.['PreToolUse']).toEqual([
      { matcher: 'Bash', hooks: [{ type: 'command', command: 'other' }] },
      own('*'),
      { matcher: '', hooks: [{ type: 'command', command: 'other' }] },
    ]);
  });

  test.each([
    ['{"hooks": []}', '1:11: hooks must be an object: write {} there, or remove it'],
    ['{"hooks": null}', '1:11: hooks must be an object: write {} there, or remove it'],
    ['{"hooks": {"Stop": null}}', '1:20: hooks.Stop must be a list: write [] there, or remove it'],
    ['{\n  "hooks": {\n    "Stop": "none"\n  }\n}', '3:13: hooks.Stop must be a list'],
    ['[]', '1:1: must be an object'],
    ['', '1:1: empty, or half saved: write {} into it, or remove it'],
    [' \r\n\t', '1:1: empty, or half saved: write {} into it, or remove it'],
    ['{\r\n  // a comment\r\n  "a": 1\r\n}', '2:3: not valid JSON: invalid comment token'],
    ['{\n  "a": 1,\n}', '3:1: not valid JSON: property name expected'],
    ['{"a": 1} x', '1:10: not valid JSON: invalid symbol'],
    ['{"a": "\t"}', '1:7: not valid JSON: invalid character'],
  ])('refuses %j with its place', (text, message) => {
    expect(() => withHooks(text, PROGRAM)).toThrow(message);
  });
});

describe('uninstalling', () => {
  const filled = ['two blanks', 'no final line break', 'one line', 'one line with blanks', "other people's hooks"];
  test.each(filled)('gives back the text of before: %s', (name) => {
    const text = FORMATS[name]!;
    expect(withoutHooks(withHooks(text, PROGRAM))).toBe(text);
  });

  test.each(Object.entries(FORMATS))('takes out all of its own and nothing else: %s', (_, text) => {
    const after = withoutHooks(withHooks(text, PROGRAM));
    const groups = Object.entries(parsed(text).hooks ?? {}).filter(([, list]) => list.length > 0);
    expect({ ...parsed(after), hooks: undefined }).toEqual({ ...parsed(text), hooks: undefined });
    expect(parsed(after).hooks ?? {}).toEqual(Object.fromEntries(groups));
    expect(withoutHooks(after)).toBe(after);
  });

  it('recognises what earlier versions and people have written, and only that', () => {
    const own = [
      { type: 'command', command: 'agentcol hook' },
      { type: 'command', command: '"/opt/my tools/bin/agentcol" hook --database x.db' },
      { type: 'command', command: 'node /opt/agentcol/dist/src/main.js hook' },
      {
        type: 'command',
        command: "'/usr/bin/node' '/opt/my tools/agentcol/dist/src/main.cjs' hook --database '/my data/x.db'",
      },
      { type: 'command', command: '/usr/bin/agentcol', args: ['hook'] },
      {
        type: 'command',
        command: '/old/node',
        args: ['--no-warnings', '/old/dist/src/main.cjs', 'hook', '--database', 'x'],
      },
    ];
    const others = [
      { type: 'command', command: 'agentcolour hook' },
      { type: 'command', command: 'agentcol --once' },
      { type: 'command', command: 'echo agentcol hooks' },
      { type: 'command', command: 'node', args: ['/opt/other/main.js', 'hook'] },
      { type: 'command', command: 'hook', args: ['/x/src/main.js'] },
      { type: 'command', command: 'node', args: ['/home/me/policy-guard/src/main.js', 'hook', '--strict'] },
      { type: 'command', command: 'sh', args: ['/guard.sh', '/opt/agentcol', 'hook'] },
      { type: 'command', command: 'echo my-agentcol-notes/agentcol hook' },
      { type: 'command', command: 'agentcol hook; ./notify' },
      { type: 'command', command: 'agentcol hook --database x && ./notify' },
      { type: 'prompt', prompt: 'agentcol hook' },
      'agentcol hook',
      null,
    ];
    const text = JSON.stringify({ hooks: { Stop: [{ hooks: [...own, ...others] }] } });
    expect(readHooks(text)).toMatchObject({
      own: own.map((entry) => ({ event: 'Stop', entry })),
      others: others.length,
    });
    expect(JSON.parse(withoutHooks(text))).toEqual({ hooks: { Stop: [{ hooks: others }] } });
  });

  it('has nothing to do with hooks of another shape', () => {
    const text = '{"hooks": {"Stop": {"hooks": 5}, "PreToolUse": [5, {"hooks": "agentcol hook"}, {}]}}';
    expect(withoutHooks(text)).toBe(text);
    expect(readHooks(text)).toEqual({ disableAllHooks: false, own: [], others: 0 });
  });
});

describe('of any settings', () => {
  const json = fc.json({ maxDepth: 3 }).map((text) => JSON.parse(text) as unknown);
  const entry = fc.oneof(fc.record({ type: fc.constant('command'), command: fc.string() }), fc.constant(ENTRY), json);
  const group = fc.record({ matcher: fc.constantFrom('*', '', 'Bash'), hooks: fc.array(entry, { maxLength: 3 }) });
  const settings = fc.record(
    {
      model: json,
      hooks: fc.dictionary(fc.constantFrom('Stop', 'PreToolUse', 'Unheard'), fc.array(group, { maxLength: 3 })),
      env: json,
    },
    { requiredKeys: [] },
  );
  const text = fc
    .tuple(settings, fc.constantFrom(undefined, 1, 2, 4, '\t'), fc.boolean())
    .map(([value, indent, windows]) => {
      const written = JSON.stringify(value, undefined, indent);
      return windows ? written.replaceAll('\n', '\r\n') : written;
    });

  it('installing is idempotent, uninstalling removes all, and what others have stays as it is', () => {
    fc.assert(
      fc.property(text, (before) => {
        const installed = withHooks(before, PROGRAM);
        expect(withHooks(installed, PROGRAM)).toBe(installed);
        expect(new Set(readHooks(installed).own.map(({ event }) => event))).toEqual(
          new Set([...HOOK_EVENTS, ...readHooks(before).own.map(({ event }) => event)]),
        );
        const uninstalled = withoutHooks(installed);
        expect(readHooks(uninstalled).own).toEqual([]);
        expect(readHooks(uninstalled).others).toBe(readHooks(before).others);
        expect({ ...parsed(uninstalled), hooks: 0 }).toEqual({ ...parsed(before), hooks: 0 });
      }),
      { numRuns: 60 },
    );
  });
});
