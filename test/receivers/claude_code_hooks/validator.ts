import { Ajv } from 'ajv';
import standalone from 'ajv/dist/standalone/index.js';
import { payloadSchema } from '../../../receivers/claude_code_hooks/payload.schema.ts';

const HEADER = `/* eslint-disable -- generated from payload.schema.ts; to make it again:
   npx vitest run test/receivers/claude_code_hooks/payload-schema.test.ts -u */
`;

/** The module that validates payloads without ajv. */
export function validatorModule(): string {
  const ajv = new Ajv({
    strict: true,
    strictRequired: false,
    allowUnionTypes: true,
    code: { source: true, esm: true, lines: true },
  });
  const code = standalone.default(ajv, ajv.compile(payloadSchema));
  const name = /^export const validate = (\w+);$/m.exec(code)?.[1] ?? 'validate';
  // Named exports only; and the type of what failed, which cannot be inferred.
  return `${HEADER}${code.replace(`export default ${name};\n`, '')}
/** @type {readonly { readonly instancePath: string, readonly keyword: string, readonly params: unknown }[] | null} */
${name}.errors = null;
`;
}
