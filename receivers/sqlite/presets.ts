import { Ajv } from 'ajv';
import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { type MappingConfig, presetSchema } from './config.ts';

const FOLDER = new URL('./presets/', import.meta.url);
const SUFFIX = '.yaml';

/** The names of the shipped mappings. */
export function presetNames(): string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith(SUFFIX))
    .map((file) => file.slice(0, -SUFFIX.length))
    .sort();
}

/** A shipped mapping with its defaults filled in. The name must be one of presetNames(). */
export function loadPreset(name: string): MappingConfig {
  const preset: unknown = parse(readFileSync(new URL(`${name}${SUFFIX}`, FOLDER), 'utf8'));
  // Durations are checked where a user's mapping is; a test does it for the presets.
  const validate = new Ajv({ useDefaults: true, strict: false, validateFormats: false }).compile<MappingConfig>(
    presetSchema,
  );
  if (!validate(preset)) throw new Error(`preset ${name} does not fit its schema: ${JSON.stringify(validate.errors)}`);
  return preset;
}
