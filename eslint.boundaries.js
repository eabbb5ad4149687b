import path from 'node:path';

/** What a component may import besides its own folder: the contract, the signal types, schema fragments, the listener, OTLP. */
const CONTRACT =
  /^src\/(component\.ts|errors\.ts|pipeline\/(attributes|combine|signals|sum)\.ts|config\/(fragments|endpoint|duration|hmac|nearest|actions|linear-regexp)\.ts|(http|otlp)\/.+)$/;
const COMPONENT = /^(receivers|processors|exporters|extensions)\/[^/]+\//;
/** What recounts must not share a line with what counts. */
const INDEPENDENT = /^test\/(oracle|fixtures)\//;

/** @type {(from: string, to: string, lazy: boolean) => string | undefined} */
export function violation(from, to, lazy) {
  const own = COMPONENT.exec(from)?.[0];
  if (own !== undefined) {
    if (to.startsWith(own) || CONTRACT.test(to)) return undefined;
    return `a component imports only the contract (src/component.ts, src/errors.ts, src/pipeline/signals.ts, src/pipeline/sum.ts, src/pipeline/combine.ts, src/config fragments, src/http, src/otlp) and its own folder, not ${to}`;
  }
  if (INDEPENDENT.test(from) && !to.startsWith('test/')) {
    return `the oracle and the fixtures are independent of what they check: no import of ${to}`;
  }
  if (from.startsWith('src/') && COMPONENT.test(to)) {
    if (from === 'src/components.ts' || (lazy && from.startsWith('src/commands/'))) return undefined;
    return `src imports components only in src/components.ts; a command may import one lazily`;
  }
  if (from.startsWith('src/') && /^(test|bench)\//.test(to)) return `production code does not import ${to}`;
  return undefined;
}

/**
 * Relative imports against the import rule of docs/architecture.md.
 *
 * @type {import('eslint').Rule.RuleModule}
 */
export const importRule = {
  meta: { type: 'problem', schema: [] },
  create(context) {
    const folder = path.dirname(context.filename);
    const relative = (file) => path.relative(context.cwd, file).split(path.sep).join('/');
    const check = (lazy) => (node) => {
      const specifier = node.source?.value;
      if (typeof specifier !== 'string' || !specifier.startsWith('.')) return;
      const message = violation(relative(context.filename), relative(path.resolve(folder, specifier)), lazy);
      if (message !== undefined) context.report({ node: node.source, message });
    };
    return {
      ImportDeclaration: check(false),
      ExportNamedDeclaration: check(false),
      ExportAllDeclaration: check(false),
      ImportExpression: check(true),
    };
  },
};
