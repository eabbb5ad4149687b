import { Ajv } from 'ajv';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { payloadSchema } from '../../../receivers/claude_code_hooks/payload.schema.ts';
import { validate } from '../../../receivers/claude_code_hooks/validate-payload.generated.js';
import { validatorModule } from './validator.ts';

it('is the validator that the schema generates', async () => {
  await expect(validatorModule()).toMatchFileSnapshot(
    '../../../receivers/claude_code_hooks/validate-payload.generated.js',
  );
});

it('needs no other module', () => {
  expect(validatorModule()).not.toMatch(/\brequire\(|^import /m);
});

it('judges payloads as ajv does', () => {
  const byAjv = new Ajv({ strictRequired: false, allowUnionTypes: true }).compile(payloadSchema);
  const value = fc.oneof(fc.string(), fc.constant('PreToolUse'), fc.constant(null), fc.double(), fc.boolean());
  const fields = Object.fromEntries(Object.keys(payloadSchema.properties).map((name) => [name, value]));
  fc.assert(
    fc.property(fc.oneof(fc.record(fields, { requiredKeys: [] }), fc.jsonValue()), (payload) => {
      expect(validate(payload)).toBe(byAjv(payload));
    }),
  );
});
