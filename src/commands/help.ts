import { TAKEN_BY, type Command } from './command-line.ts';
import type { Values } from './words.ts';

type Option = Exclude<keyof Values, 'help' | 'version'>;

const USAGE: Readonly<Record<Command, string>> = {
  run: '[run]         [--config FILE]... [--set KEY=VALUE]... [--once] [--allow-root]',
  validate: 'validate      [--config FILE]... [--set KEY=VALUE]... [--strict] [--json]',
  'print-config': 'print-config  [--config FILE]... [--set KEY=VALUE]...',
  components: 'components    [TYPE]... [--all] [--json]',
  checkpoint: 'checkpoint    list [--json] | reset RECEIVER TABLE | backup FILE | restore FILE  [--config FILE]...',
  hook: 'hook          [--database FILE] < EVENT',
  hooks: 'hooks         install | uninstall | status  [--scope user|project|local | --settings FILE]  [--http]',
  doctor: 'doctor        [--config FILE]... [--set KEY=VALUE]... [--json]',
  import: 'import        PATH... [--database FILE]',
  retention: 'retention     --older-than DURATION [--database FILE] [--dry-run] [--config FILE]...',
  'proxy-config': `proxy-config  nginx | caddy  [--config FILE]... [--server-name NAME] [--listen [ADDRESS:]PORT]
                              [--certificate FILE] [--certificate-key FILE] [--users FILE] [--exporter ID]`,
};

const DOES: Readonly<Record<Command, string>> = {
  run: `  run                  collect until SIGINT or SIGTERM (the default); SIGHUP: read the configuration again, and go over to it
                       if it is right`,
  validate: `  validate             check the configuration, each mistake with file:line:column; then look into the databases, read-only:
                       what is missing, what grows slow, how sure the counts are, which attributes leave`,
  'print-config': `  print-config         print the configuration as it is understood: merged, defaults filled in, without secrets`,
  components: `  components           list the receivers, processors, exporters and extensions of this build, or the settings of TYPE`,
  checkpoint: `  checkpoint list      tell how far each table has been read, and what is kept of it
  checkpoint reset     have one table of a receiver counted anew at the next start; only while no collector runs
  checkpoint backup    write the state and its keys into one private FILE; a collector may be running
  checkpoint restore   put such a FILE in the place of the state, which is kept; only while no collector runs`,
  hook: `  hook                 store one event of a coding agent, a JSON object on standard input; what agents are told to call.
                       It prints nothing and ends with 0 whatever comes`,
  hooks: `  hooks install        have Claude Code call agentcol hook: adds it to its settings, which keep all that is in them, makes
                       the database, and says there what is stored; again: brings that up to date
  hooks uninstall      take out of the settings what install has added
  hooks status         tell which settings name which events, and where these go; with which token, over HTTP`,
  doctor: `  doctor               prove that events arrive: settings, program, a test event on its whole way, database, collector`,
  import: `  import               bring history into the hooks' database: transcripts (~/.claude/projects) and recorded hook payloads, files
                       or folders; as often as you like, nothing is counted twice`,
  retention: `  retention            delete what is older from the hooks' database, once it was counted: no total changes; agents may go
                       on, and the collector; --dry-run only tells how much it would be`,
  'proxy-config': `  proxy-config         print what nginx or Caddy needs to let others see the metrics: TLS, passwords, limits, for exactly this
                       configuration`,
};

const OPTIONS: Readonly<Record<Option, string>> = {
  config: `  -c, --config FILE    configuration in YAML; may be repeated: later files win, maps merge, lists replace
                       (default: ./otel-config.yaml if there, else the one shipped with agentcol)`,
  set: `      --set KEY=VALUE  one setting more, over all files: --set receivers::sqlite/agents::collection_interval=2s`,
  once: `      --once           read everything there is, print the metrics, exit`,
  'allow-root': `      --allow-root     run as root all the same`,
  strict: `      --strict         a warning fails, too`,
  json: `      --json           print JSON`,
  all: `      --all            tell the settings of every type`,
  storage: `      --storage ID     the storage extension to back up or to restore, where there are several`,
  database: `      --database FILE  the hooks' database (default: AGENT_WORKFLOW_DB; of retention: those that the configuration reads)`,
  'older-than': `      --older-than D   at least one day: 90d`,
  scope: `      --scope SCOPE    the settings of the user (the default), of the project in this folder, or the local ones of it`,
  settings: `      --settings FILE  these settings`,
  http: `      --http           have hooks call the claude_code_hooks receiver of the configuration over HTTP, where the agent can; the
                       settings then hold its token, and are made private (of a project: name AGENTCOL_HOOKS_TOKEN)`,
  endpoint: `      --endpoint URL   where it is, if not where it listens: https://hooks.example.org`,
  'dry-run': `      --dry-run        show what would change, and change nothing`,
  'capture-content': `      --capture-content        store prompts, inputs and outputs as well`,
  'no-capture-content': `      --no-capture-content     only names, sizes and outcomes (the default)`,
  'max-input-bytes': `      --max-input-bytes N      bytes of one event; a longer one is refused (default: 1048576)`,
  'max-stored-text-bytes': `      --max-stored-text-bytes N  bytes of text stored of one event, with --capture-content (default: 10240)`,
  'max-depth': `      --max-depth N            levels of objects and arrays in one event; a deeper one is refused (default: 64)`,
  'server-name': `      --server-name NAME       how clients call the proxy (default: metrics.example.org)`,
  listen: `      --listen [ADDRESS:]PORT  where the proxy listens (default: 9443, on all addresses)`,
  certificate: `      --certificate FILE       what the proxy reads (default: certificate.pem in /etc/nginx/agentcol or /etc/caddy/agentcol)`,
  'certificate-key': `      --certificate-key FILE   likewise: certificate.key`,
  users: `      --users FILE             likewise: users`,
  exporter: `      --exporter ID            only this prometheus exporter (default: all; prometheus/usage is found at /metrics/usage)`,
};

/** What a command does and the options it takes; without one, what there is. */
export function help(command?: Command): string {
  return command === undefined ? overview() : page(command);
}

function overview(): string {
  const [first, ...others] = Object.values(USAGE);
  return `agentcol publishes what coding agents write to SQLite as metrics, traces and logs

Usage: agentcol ${first ?? ''}
${others.map((usage) => `       agentcol ${usage}\n`).join('')}
Commands:
${Object.values(DOES).join('\n')}

Options of run (agentcol COMMAND --help tells those of others):
${optionsOf('run')}
      --version        print the version
  -h, --help           print this, or of a command what it does and takes

Exit codes:
  0  done
  1  the configuration is wrong, or it could not start; with --once: a source could not be read;
     validate: an error was found, with --strict a warning; doctor: something failed
  2  called wrongly

Environment:
  AGENT_WORKFLOW_DB    the database that the shipped configuration reads, and that events of hooks go to
  NO_COLOR             no colours on a terminal
`;
}

function page(command: Command): string {
  return `Usage: agentcol ${USAGE[command]}

${DOES[command]}

Options:
${optionsOf(command)}
`;
}

function optionsOf(command: Command): string {
  return Object.entries(OPTIONS)
    .filter(([option]) => TAKEN_BY[option]?.includes(command) === true)
    .map(([, told]) => told)
    .join('\n');
}
