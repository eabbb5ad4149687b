export const HELP = `agentcol publishes what coding agents write to SQLite as metrics

Usage: agentcol [run]         [--config FILE]... [--set KEY=VALUE]... [--once] [--allow-root]
       agentcol validate      [--config FILE]... [--set KEY=VALUE]... [--strict] [--json]
       agentcol print-config  [--config FILE]... [--set KEY=VALUE]...
       agentcol components    [TYPE]... [--all] [--json]
       agentcol checkpoint    list [--json] | reset RECEIVER TABLE | backup FILE | restore FILE  [--config FILE]...
       agentcol hook          [--database FILE] < EVENT
       agentcol hooks         install | uninstall | status  [--scope user|project|local | --settings FILE]  [--http]
       agentcol doctor        [--config FILE]... [--set KEY=VALUE]... [--json]
       agentcol import        PATH... [--database FILE]
       agentcol retention     --older-than DURATION [--database FILE] [--dry-run] [--config FILE]...
       agentcol proxy-config  nginx | caddy  [--config FILE]... [--server-name NAME] [--listen [ADDRESS:]PORT]
                              [--certificate FILE] [--certificate-key FILE] [--users FILE] [--exporter ID]

Commands:
  run                  collect until SIGINT or SIGTERM (the default); SIGHUP: read the configuration again, and go over to it
                       if it is right
  validate             check the configuration, each mistake with file:line:column; then look into the databases, read-only:
                       what is missing, what grows slow, how sure the counts are, which attributes leave
  print-config         print the configuration as it is understood: merged, defaults filled in, without secrets
  components           list the receivers, processors, exporters and extensions of this build, or the settings of TYPE
  checkpoint list      tell how far each table has been read, and what is kept of it
  checkpoint reset     have one table of a receiver counted anew at the next start; only while no collector runs
  checkpoint backup    write the state and its keys into one private FILE; a collector may be running
  checkpoint restore   put such a FILE in the place of the state, which is kept; only while no collector runs
  hook                 store one event of a coding agent, a JSON object on standard input; what agents are told to call.
                       It prints nothing and ends with 0 whatever comes
  hooks install        have Claude Code call agentcol hook: adds it to its settings, which keep all that is in them, makes
                       the database, and says there what is stored; again: brings that up to date
  hooks uninstall      take out of the settings what install has added
  hooks status         tell which settings name which events, and where these go; with which token, over HTTP
  doctor               prove that events arrive: settings, program, a test event on its whole way, database, collector
  import               bring history into the hooks' database: transcripts (~/.claude/projects) and recorded hook payloads, files
                       or folders; as often as you like, nothing is counted twice
  retention            delete what is older from the hooks' database, once it was counted: no total changes; agents may go
                       on, and the collector; --dry-run only tells how much it would be
  proxy-config         print what nginx or Caddy needs to let others see the metrics: TLS, passwords, limits, for exactly this
                       configuration

Options:
  -c, --config FILE    configuration in YAML; may be repeated: later files win, maps merge, lists replace
                       (default: ./otel-config.yaml if there, else the one shipped with agentcol)
      --set KEY=VALUE  one setting more, over all files: --set receivers::sqlite/agents::collection_interval=2s
      --once           read everything there is, print the metrics, exit
      --allow-root     run as root all the same
      --strict         a warning fails, too
      --json           print JSON
      --all            tell the settings of every type
      --storage ID     the storage extension to back up or to restore, where there are several
      --database FILE  the database that the events go to; of retention: the one to delete from (default: those of agentcol's
                       hooks that the configuration reads)
      --older-than D   at least one day: 90d
      --scope SCOPE    the settings of the user (the default), of the project in this folder, or the local ones of it
      --settings FILE  these settings
      --http           have hooks call the claude_code_hooks receiver of the configuration over HTTP, where the agent can; the
                       settings then hold its token, and are made private (of a project: name AGENTCOL_HOOKS_TOKEN)
      --endpoint URL   where it is, if not where it listens: https://hooks.example.org
      --dry-run        show what would change, and change nothing
      --[no-]capture-content  store prompts, inputs and outputs as well (default: no, only names, sizes and outcomes)
      --max-input-bytes N, --max-stored-text-bytes N, --max-depth N  limits of one event
      --server-name NAME      how clients call the proxy (default: metrics.example.org)
      --listen [ADDRESS:]PORT where the proxy listens (default: 9443, on all addresses)
      --certificate FILE, --certificate-key FILE, --users FILE  what the proxy reads (default: certificate.pem, certificate.key
                       and users in /etc/nginx/agentcol or /etc/caddy/agentcol)
      --exporter ID    only this prometheus exporter (default: all; prometheus/usage is found at /metrics/usage)
      --version        print the version
  -h, --help           print this

Exit codes:
  0  done
  1  the configuration is wrong, or it could not start; with --once: a source could not be read;
     validate: an error was found, with --strict a warning; doctor: something failed
  2  called wrongly

Environment:
  AGENT_WORKFLOW_DB    the database that the shipped configuration reads, and that events of hooks go to
  NO_COLOR             no colours on a terminal
`;
