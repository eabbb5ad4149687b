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
  const types = [schema.type ?? []].flat().filter((type) => type !== 'null');
  return types.map((type) => (type === 'object' ? 'map' : type)).join(' or ');
}

/** A setting with what the schema says of it. */
export interface SettingRow {
  /** From the component's settings; `*` is a name of the user's choice, or an entry of a list. */
  readonly path: readonly string[];
  /** Levels of indentation: an entry of a list has none of its own. */
  readonly depth: number;
  readonly type: string;
  /** In YAML's JSON: `"1s"`; "required", or nothing. */
  readonly fallback: string;
  readonly description: string;
}

/** One line a setting, in columns; what stands below a setting is indented. */
export function describeSettings(schema: SettingSchema): readonly string[] {
  const rows = settingRows(schema).map((row) => ({ ...row, name: '  '.repeat(row.depth) + row.path.at(-1)! }));
  const width = (cell: (row: (typeof rows)[number]) => string): number =>
    Math.max(0, ...rows.map((row) => cell(row).length));
  const names = width(({ name }) => name);
  const types = width(({ type }) => type);
  const fallbacks = width(({ fallback }) => fallback);
  return rows.map(({ name, type, fallback, description }) =>
    [name.padEnd(names), type.padEnd(types), fallback.padEnd(fallbacks), description].join('  ').trimEnd(),
  );
}

/** Every setting, each before what stands below it. */
export function settingRows(schema: SettingSchema, path: readonly string[] = [], depth = 0): readonly SettingRow[] {
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, property]) => [
    {
      path: [...path, name],
      depth,
      type: typeName(property),
      fallback: schema.required?.includes(name) === true ? 'required' : defaultOf(property),
      description: property.description ?? '',
    },
    ...settingRows(property, [...path, name], depth + 1),
  ]);
  const any = [...path, '*'];
  const { additionalProperties, items, anyOf = [] } = schema;
  const ofAnyName = typeof additionalProperties === 'object' ? settingRows(additionalProperties, any, depth + 1) : [];
  const named = ofAnyName.length === 0 ? [] : [{ path: any, depth, type: 'map', fallback: '', description: '' }];
  const ofItems = items === undefined ? [] : settingRows(items, any, depth);
  const ofAlternatives = anyOf.flatMap((one) => settingRows(one, path, depth));
  return [...own, ...named, ...ofAnyName, ...ofItems, ...ofAlternatives];
}

function defaultOf({ default: fallback }: SettingSchema): string {
  return fallback === undefined ? '' : JSON.stringify(fallback);
}
