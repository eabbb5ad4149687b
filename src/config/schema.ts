import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import type { DataValidationCxt } from 'ajv/dist/types/index.js';
import { isDuration, isHostName, parseComponentId, parseEndpoint } from './fragments.ts';

/** A string that one of the custom keywords of fragments.ts marks. */
export interface Marked {
  readonly keyword: 'path' | 'reference' | 'secret';
  /** The keyword's value: true, or 'extensions'. */
  readonly argument: unknown;
  /** JSON pointer from the value that was checked. */
  readonly pointer: string;
  readonly text: string;
  replace(text: string): void;
}

export interface Checked<T> {
  readonly value: T | undefined;
  readonly errors: readonly ErrorObject[];
  /** Also those of a value that does not fit. */
  readonly marked: readonly Marked[];
}

/** Checks values against closed draft-07 schemas, and fills in their defaults. */
export class SchemaCheck {
  readonly #ajv: Ajv;
  readonly #validators = new WeakMap<object, Map<string, ValidateFunction>>();
  #marked: Marked[] = [];

  constructor() {
    this.#ajv = new Ajv({
      allErrors: true,
      verbose: true,
      strict: true,
      // "text or a list of text" reads better as a union than as anyOf, and so do its errors.
      allowUnionTypes: true,
      // anyOf: [{required: [tables]}, {required: [preset]}] names keys that are defined outside of it.
      strictRequired: false,
      useDefaults: true,
      // Schemas are ours, and tests check them; compiling the schema of schemas would be most of the time.
      meta: false,
      validateSchema: false,
      // Optimizing the code takes longer than it saves: it runs once.
      code: { optimize: false },
      formats: {
        duration: isDuration,
        endpoint: (text: string) => parseEndpoint(text) !== undefined,
        host_name: isHostName,
        component_id: (text: string) => parseComponentId(text) !== undefined,
      },
    });
    const keywords = [
      ['path', 'boolean'],
      ['reference', 'string'],
      ['secret', 'boolean'],
    ] as const;
    for (const [keyword, schemaType] of keywords) {
      this.#ajv.addKeyword({
        keyword,
        type: 'string',
        schemaType,
        errors: false,
        validate: (argument: unknown, text: string, _schema?: unknown, context?: DataValidationCxt) => {
          if (context !== undefined && argument !== false) this.#mark(keyword, argument, text, context);
          return true;
        },
      });
    }
  }

  /** `value` with its defaults filled in (in place), or undefined when it does not fit; T is the schema's type. */
  check<T>(schema: object, value: unknown): Checked<T> {
    const validate = this.#compiled<T>(schema, value);
    this.#marked = [];
    const fits = validate(value);
    return { value: fits ? value : undefined, errors: validate.errors ?? [], marked: this.#marked };
  }

  /** Of one schema, one for each choice of settings that are given. */
  #compiled<T>(schema: object, value: unknown): ValidateFunction<T> {
    const given = givenIn(schema, value);
    const key = JSON.stringify(given);
    const ofSchema = this.#validators.get(schema) ?? new Map<string, ValidateFunction>();
    this.#validators.set(schema, ofSchema);
    const validate = ofSchema.get(key) ?? this.#ajv.compile(withoutAbsent(schema, given));
    ofSchema.set(key, validate);
    return validate as ValidateFunction<T>;
  }

  #mark(keyword: Marked['keyword'], argument: unknown, text: string, context: DataValidationCxt): void {
    const { instancePath: pointer, parentData, parentDataProperty } = context;
    const replace = (replacement: string): void => {
      parentData[parentDataProperty] = replacement;
    };
    this.#marked.push({ keyword, argument, pointer, text, replace });
  }
}

/**
 * Compiling is most of the work, and most settings are not given, whole mappings among them: of what is absent and has nothing
 * to be filled in, the name is left.
 */
function withoutAbsent(schema: object, given: readonly string[]): object {
  const properties = propertiesOf(schema).map(([name, property]) => [
    name,
    given.includes(name) ? property : whenAbsent(property),
  ]);
  return properties.length === 0 ? schema : { ...schema, properties: Object.fromEntries(properties) as unknown };
}

/** The properties of a schema that a value has. What is no map may have any. */
function givenIn(schema: object, value: unknown): readonly string[] {
  const names = propertiesOf(schema).map(([name]) => name);
  return typeof value === 'object' && value !== null ? names.filter((name) => Object.hasOwn(value, name)) : names;
}

function propertiesOf(schema: object): readonly (readonly [name: string, property: object])[] {
  return 'properties' in schema ? Object.entries(schema.properties as Readonly<Record<string, object>>) : [];
}

/** An empty default has no parts that have defaults of their own, unless the schema names them. */
function whenAbsent(property: object): object {
  if (!('default' in property)) return {};
  const { default: value } = property;
  const isEmpty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  return isEmpty && !('properties' in property) ? { default: value } : property;
}

/** The segments of a JSON pointer. */
export function pointerPath(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
}
