/** What a component's schema says of a setting; the suite that every component runs holds schemas to it. */
export interface SettingSchema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly SettingSchema[];
  readonly items?: SettingSchema;
  readonly properties?: Readonly<Record<string, SettingSchema>>;
  readonly additionalProperties?: boolean | SettingSchema;
  readonly required?: readonly string[];
  readonly format?: string;
  readonly path?: boolean;
  readonly default?: unknown;
  readonly description?: string;
}

/** "path or list of path", "duration", "beginning or end". */
export function typeName(schema: SettingSchema): string {
  if (schema.enum !== undefined) return schema.enum.join(' or ');
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeName).join(' or ');
  if (schema.path === true) return 'path';
  if (schema.format !== undefined) return schema.format.replace('_', ' ');
  if (schema.type === 'array') return schema.items === undefined ? 'list' : `list of ${typeName(schema.items)}`;
  if (schema.type === 'object') return 'map';
  return typeof schema.type === 'string' ? schema.type : (schema.type ?? []).join(' or ');
}

interface Row {
  readonly name: string;
  readonly type: string;
  /** In YAML's JSON: `"1s"`; "required", or nothing. */
  readonly fallback: string;
  readonly description: string;
}

/** One line a setting, in columns; what stands below a setting is indented, `*` is a name of the user's choice. */
export function describeSettings(schema: SettingSchema): readonly string[] {
  const rows = rowsOf(schema, '');
  const width = (cell: (row: Row) => string): number => Math.max(0, ...rows.map((row) => cell(row).length));
  const names = width(({ name }) => name);
  const types = width(({ type }) => type);
  const fallbacks = width(({ fallback }) => fallback);
  return rows.map(({ name, type, fallback, description }) =>
    [name.padEnd(names), type.padEnd(types), fallback.padEnd(fallbacks), description].join('  ').trimEnd(),
  );
}

function rowsOf(schema: SettingSchema, indent: string): readonly Row[] {
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, property]) => [
    {
      name: indent + name,
      type: typeName(property),
      fallback: schema.required?.includes(name) === true ? 'required' : defaultOf(property),
      description: property.description ?? '',
    },
    ...rowsOf(property, `${indent}  `),
  ]);
  const ofAnyName =
    typeof schema.additionalProperties === 'object' ? rowsOf(schema.additionalProperties, `${indent}  `) : [];
  const named = ofAnyName.length === 0 ? [] : [{ name: `${indent}*`, type: 'map', fallback: '', description: '' }];
  const nested = [schema.items, ...(schema.anyOf ?? [])].flatMap((inner) =>
    inner === undefined ? [] : rowsOf(inner, indent),
  );
  return [...own, ...named, ...ofAnyName, ...nested];
}

function defaultOf({ default: fallback }: SettingSchema): string {
  return fallback === undefined ? '' : JSON.stringify(fallback);
}
