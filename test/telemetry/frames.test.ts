import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { framesOf } from '../../src/telemetry/frames.ts';
import { Workspace } from '../main-job/harness.ts';

const SOURCE = `// one line
interface Gone { readonly a: number }

export function fail(): never {
  throw new Error('deliberate');
}
`;

describe('frames', () => {
  let workspace: Workspace;
  beforeEach(() => {
    workspace = new Workspace();
  });
  afterEach(() => workspace[Symbol.dispose]());

  /** What a module throws that was built of SOURCE, with a map, as `npm run build` does it. */
  function thrown(): Error {
    const { outputText, sourceMapText = '' } = ts.transpileModule(SOURCE, {
      fileName: 'fault.ts',
      compilerOptions: { sourceMap: true, target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext },
    });
    fs.writeFileSync(workspace.file('package.json'), '{"type": "module"}');
    fs.writeFileSync(workspace.file('fault.js'), outputText);
    fs.writeFileSync(workspace.file('fault.js.map'), sourceMapText);
    const url = pathToFileURL(workspace.file('fault.js')).href;
    const program = `import('${url}').then(({ fail }) => fail()).catch((error) => console.log(error.stack))`;
    const error = new Error('deliberate');
    error.stack = execFileSync(process.execPath, ['-e', program], { encoding: 'utf8' });
    return error;
  }

  it('are those of the source, by the map beside what was built', () => {
    const [first] = framesOf(thrown());
    expect(first).toBe(`at fail (${pathToFileURL(workspace.file('fault.ts')).href}:5:9)`);
  });

  it('are as they are where there is no map, or a broken one', () => {
    const error = thrown();
    const built = `at fail (${pathToFileURL(workspace.file('fault.js')).href}:`;
    fs.writeFileSync(workspace.file('fault.js.map'), '{"version": 3');
    expect(framesOf(error)[0]).toContain(built);
    fs.rmSync(workspace.file('fault.js.map'));
    expect(framesOf(error)[0]).toContain(built);
  });

  it('of an error without a stack are none', () => {
    const error = new Error('deliberate');
    delete error.stack;
    expect(framesOf(error)).toEqual([]);
  });
});
