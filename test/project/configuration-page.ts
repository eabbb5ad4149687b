import { format, resolveConfig } from 'prettier';
import { factories } from '../../src/components.ts';
import { settingRows, type SettingSchema } from '../../src/commands/settings-table.ts';
import { ROOT_SCHEMA, SECTION_NAMES, SECTIONS } from '../../src/config/sections.ts';

const INTRODUCTION = `# Configuration

Every setting of every component, as the schemas have it. This page is generated from them
(\`npx vitest run test/project/configuration.test.ts -u\`), and \`agentcol components TYPE\` prints the same for one type.
[otel-config.yaml](../otel-config.yaml) is the documented default; what a component is for and how to use it stands in its
README. \`agentcol validate\` finds every mistake at once, with its place; \`agentcol print-config\` shows a configuration as it is
understood.

## How it is written

- **Files**: \`--config FILE\`, repeated: later files win, maps merge, lists replace. Then \`--set KEY=VALUE\`, the keys of a path joined by
  \`::\`. Without \`--config\`, the \`otel-config.yaml\` of the current folder, else the one shipped.
- **Values from elsewhere**: \`\${env:NAME}\`, \`\${env:NAME:-default}\` (also where NAME is empty), \`\${file:PATH}\`; a dollar sign is \`$$\`. Secrets
  belong there.
- **Ids** are \`type\` or \`type/name\`: several components of one type differ in their names. What no pipeline and no
  \`service::extensions\` names does nothing.
- **Paths**: \`~\` is the home folder; what is relative starts at the folder of the file that it stands in.
- **Durations**: \`250ms\`, \`1s\`, \`5m\`, \`24h\`, \`90d\`, \`1h30m\`.
- **Endpoints**: \`127.0.0.1:9465\`, \`[::1]:9465\`, \`unix:/path\`.

In the tables, \`*\` stands for a name of your choice, or for each entry of a list. What is required below something that may be
left out is so once that is there.

`;

/** docs/configuration.md, made from the schemas of this build. */
export async function configurationPage(file: string): Promise<string> {
  const sections = SECTION_NAMES.map((section) => {
    const ofKind = factories.filter(({ kind }) => kind === SECTIONS[section]);
    const components = ofKind.map(({ type, kind, summary, schema }) =>
      [`### ${type}`, `${summary} [README](../${kind}s/${type}/README.md).`, table(schema)].join('\n\n'),
    );
    return [`## ${section[0]!.toUpperCase()}${section.slice(1)}`, ...components].join('\n\n');
  });
  const page = `${INTRODUCTION}## The file\n\n${table(ROOT_SCHEMA)}\n\n${sections.join('\n\n')}\n`;
  return format(page, { ...(await resolveConfig(file)), filepath: file });
}

function table(schema: SettingSchema): string {
  const rows = settingRows(schema);
  if (rows.length === 0) return 'It has no settings.';
  const lines = rows.map(({ path, type, fallback, description }) =>
    [`\`${path.join('::')}\``, type, defaultCell(fallback), description].map(cell).join(' | '),
  );
  return [
    '| Setting | Type | Default | Description |',
    '| - | - | - | - |',
    ...lines.map((line) => `| ${line} |`),
  ].join('\n');
}

/** Characters of a default; a longer one would make the whole table as wide. */
const LONGEST = 100;

function defaultCell(fallback: string): string {
  if (fallback === '' || fallback === 'required') return fallback;
  return fallback.length > LONGEST ? 'as `agentcol print-config` shows' : `\`${fallback}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
