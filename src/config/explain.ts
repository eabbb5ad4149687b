import type { ErrorObject } from 'ajv';
import { didYouMean, nearest } from './nearest.ts';
import { pointerPath } from './schema.ts';
import { findingAt, findingAtKey, type Finding } from './findings.ts';
import { locate, type Path, type Tree } from './tree.ts';

/** A schema error in words. */
interface Explanation {
  /** From the value that was checked. With `ofKey`, the last segment is the key that the message is about. */
  readonly path: readonly string[];
  readonly ofKey: boolean;
  readonly message: string;
}

interface Wording {
  /** What stands at the path, as far as it may be shown: `5`, `"fast"`, `a list`. */
  describe(path: readonly string[]): string;
  /** Why a key that others know has no place here. */
  habit(key: string): string | undefined;
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  null: 'nothing',
};

const FORMATS: Readonly<Record<string, string>> = {
  duration: 'a duration such as "250ms", "1s", "5m", "24h" or "90d"',
  endpoint: 'an endpoint such as "127.0.0.1:9465", "[::1]:9465" or "unix:/run/agentcol.sock"',
  component_id: 'a component id such as "sqlite" or "sqlite/agents"',
};

const LIMITS: Readonly<Record<string, string>> = {
  minimum: 'a number of at least',
  maximum: 'a number of at most',
  exclusiveMinimum: 'a number above',
  exclusiveMaximum: 'a number below',
  multipleOf: 'a multiple of',
};

const SIZES: Readonly<Record<string, readonly [bound: string, one: string, many: string]>> = {
  minLength: ['at least', 'character', 'characters'],
  maxLength: ['at most', 'character', 'characters'],
  minItems: ['at least', 'entry', 'entries'],
  maxItems: ['at most', 'entry', 'entries'],
  minProperties: ['at least', 'key', 'keys'],
  maxProperties: ['at most', 'key', 'keys'],
};

/** Says what is wrong with the value at `base`, with its place in the configuration; `habit` as in habits.ts. */
export function schemaFindings(
  errors: readonly ErrorObject[],
  root: Tree,
  base: Path,
  habit: (key: string) => string | undefined,
): Finding[] {
  const describe = (path: Path): string => describeValue(locate(root, [...base, ...path]).tree);
  const failed = ({ instancePath }: ErrorObject): boolean => {
    const { tree } = locate(root, [...base, ...pointerPath(instancePath)]);
    return tree?.kind === 'scalar' && tree.origin === 'failed';
  };
  const mistakes = errors.filter((error) => !failed(error));
  return explain(mistakes, { describe, habit }).map(({ path, ofKey, message }) =>
    (ofKey ? findingAtKey : findingAt)(root, [...base, ...path], message),
  );
}

/** What came from the environment or a file may be a secret: of that only the type is told. */
function describeValue(tree: Tree | undefined): string {
  if (tree === undefined) return 'the default';
  if (tree.kind !== 'scalar') return tree.kind === 'map' ? 'a map' : 'a list';
  if (tree.value === null) return 'nothing';
  if (tree.origin === 'literal') {
    const text = typeof tree.value === 'string' ? JSON.stringify(tree.value) : String(tree.value);
    return text.length <= 60 ? text : `${text.slice(0, 60)}...`;
  }
  const type = typeof tree.value === 'string' ? 'text' : typeof tree.value === 'number' ? 'number' : 'true or false';
  return `the ${type} that was substituted`;
}

/** One explanation an actual mistake: what follows from another one is left out. */
function explain(errors: readonly ErrorObject[], wording: Wording): Explanation[] {
  const choices = errors
    .filter(({ keyword }) => keyword === 'anyOf' || keyword === 'oneOf')
    .sort((a, b) => a.schemaPath.length - b.schemaPath.length);
  const [outermost] = choices;
  if (outermost !== undefined) {
    const { schemaPath, instancePath } = outermost;
    const inside = errors.filter(
      (error) => error.schemaPath.startsWith(`${schemaPath}/`) && isAtOrBelow(error.instancePath, instancePath),
    );
    const outside = errors.filter((error) => error !== outermost && !inside.includes(error));
    return [...explain(outside, wording), ...explainChoice(outermost, inside, wording)];
  }
  const unknown = errors.filter(({ keyword }) => keyword === 'additionalProperties');
  return errors.flatMap((error) => {
    if (error.keyword === 'if' || error.keyword === 'propertyNames' || isMisspelt(error, unknown)) return [];
    return [error.propertyName === undefined ? explainOne(error, wording) : explainKeyName(error, error.propertyName)];
  });
}

function isAtOrBelow(pointer: string, parent: string): boolean {
  return pointer === parent || pointer.startsWith(`${parent}/`);
}

/** Of several alternatives, the errors of the one that was meant, if that can be told. */
function explainChoice(choice: ErrorObject, inside: readonly ErrorObject[], wording: Wording): Explanation[] {
  const path = pointerPath(choice.instancePath);
  if (inside.length === 0) return [{ path, ofKey: false, message: 'fits more than one of its forms' }];
  const schemas: readonly unknown[] = Array.isArray(choice.schema) ? choice.schema : [];
  const branches = schemas.map((_, index) =>
    inside.filter((error) => error.schemaPath.startsWith(`${choice.schemaPath}/${index}/`)),
  );
  const ofRightType = branches.filter(
    (branch) => !branch.some(({ keyword, instancePath }) => keyword === 'type' && instancePath === choice.instancePath),
  );
  const [meant] = ofRightType;
  if (ofRightType.length === 1 && meant !== undefined && meant.length > 0) return explain(meant, wording);
  const missing = inside.filter(({ keyword }) => keyword === 'required');
  if (missing.length > 0 && missing.length === inside.length) {
    const keys = missing.map((error) => JSON.stringify(error.params['missingProperty']));
    return [{ path, ofKey: false, message: `missing key: ${keys.join(' or ')}` }];
  }
  const expected = schemas.map(expectation).filter((words) => words !== undefined);
  const message =
    expected.length > 0
      ? `expected ${[...new Set(expected)].join(' or ')}, not ${wording.describe(path)}`
      : inside.map((error) => explainOne(error, wording).message).join(', or ');
  return [{ path, ofKey: false, message }];
}

/** A missing key is no second mistake where an unknown key is it, misspelt. */
function isMisspelt(error: ErrorObject, unknown: readonly ErrorObject[]): boolean {
  if (error.keyword !== 'required') return false;
  const missing = String(error.params['missingProperty']);
  return unknown.some(
    (other) => other.instancePath === error.instancePath && nearest(unknownKey(other), knownKeys(other)) === missing,
  );
}

function explainOne(error: ErrorObject, wording: Wording): Explanation {
  const path = pointerPath(error.instancePath);
  const here = (message: string): Explanation => ({ path, ofKey: false, message });
  const expected = (words: string): Explanation => here(`expected ${words}, not ${wording.describe(path)}`);
  const limit = LIMITS[error.keyword];
  if (limit !== undefined) return expected(`${limit} ${String(error.schema)}`);
  const size = SIZES[error.keyword];
  if (size !== undefined) {
    const [bound, one, many] = size;
    // Ajv counts code points.
    const found = Array.from(typeof error.data === 'string' ? error.data : Object.keys(error.data ?? {}));
    return here(`expected ${bound} ${String(error.schema)} ${error.schema === 1 ? one : many}, not ${found.length}`);
  }
  switch (error.keyword) {
    case 'additionalProperties': {
      const key = unknownKey(error);
      const known = knownKeys(error);
      const list = known.length > 0 && known.length <= 12 ? ` (known: ${known.join(', ')})` : '';
      const hint = didYouMean(key, known);
      const message = wording.habit(key) ?? `unknown key ${JSON.stringify(key)}${hint === '' ? list : hint}`;
      return { path: [...path, key], ofKey: true, message };
    }
    case 'required':
      return here(`missing key ${JSON.stringify(error.params['missingProperty'])}`);
    case 'uniqueItems': {
      const second = Math.max(Number(error.params['i']), Number(error.params['j']));
      return { path: [...path, String(second)], ofKey: false, message: 'stands in the list already' };
    }
    case 'type': {
      const hint = becomesText(error) ? '; quotes make it text' : '';
      return here(
        `expected ${expectation(error.parentSchema) ?? String(error.schema)}, not ${wording.describe(path)}${hint}`,
      );
    }
    case 'const':
      return expected(expectation(error.parentSchema) ?? 'something else');
    case 'format':
      return expected(FORMATS[String(error.schema)] ?? String(error.schema));
    case 'enum': {
      const values: readonly unknown[] = Array.isArray(error.schema) ? error.schema : [];
      const texts = values.filter((value) => typeof value === 'string');
      const hint = typeof error.data === 'string' ? didYouMean(error.data, texts) : '';
      return here(`expected ${listValues(values)}, not ${wording.describe(path)}${hint}`);
    }
    case 'pattern':
      return expected(`text that matches ${String(error.schema)}`);
    default:
      return here(error.message ?? error.keyword);
  }
}

/** Any text would do, and there is a number, true or false. */
function becomesText({ schema, parentSchema, data }: ErrorObject): boolean {
  return schema === 'string' && parentSchema?.['format'] === undefined && ['number', 'boolean'].includes(typeof data);
}

/** A key that propertyNames does not allow. */
function explainKeyName(error: ErrorObject, key: string): Explanation {
  const wanted = error.keyword === 'pattern' ? `text that matches ${String(error.schema)}` : error.message;
  const message = `key ${JSON.stringify(key)} is not allowed here: expected ${wanted ?? error.keyword}`;
  return { path: [...pointerPath(error.instancePath), key], ofKey: true, message };
}

/** What a schema wants, in words; undefined when it does not say. */
function expectation(schema: unknown): string | undefined {
  if (typeof schema !== 'object' || schema === null) return undefined;
  if ('const' in schema) return JSON.stringify(schema.const);
  if ('enum' in schema && Array.isArray(schema.enum)) return listValues(schema.enum);
  if ('format' in schema && typeof schema.format === 'string') return FORMATS[schema.format];
  if (!('type' in schema)) return undefined;
  const types: readonly unknown[] = Array.isArray(schema.type) ? schema.type : [schema.type];
  return types.map((type) => TYPES[String(type)] ?? String(type)).join(' or ');
}

function listValues(values: readonly unknown[]): string {
  const texts = values.map((value) => JSON.stringify(value));
  return texts.length === 1 ? texts.join() : `${texts.slice(0, -1).join(', ')} or ${texts.at(-1) ?? ''}`;
}

function unknownKey(error: ErrorObject): string {
  return String(error.params['additionalProperty']);
}

function knownKeys(error: ErrorObject): readonly string[] {
  return Object.keys((error.parentSchema?.['properties'] ?? {}) as object);
}
