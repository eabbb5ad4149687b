export const HELP = `agentcol publishes what coding agents write to SQLite as metrics

Usage: agentcol [run]      [--config FILE]... [--set KEY=VALUE]... [--once]
       agentcol validate   [--config FILE]... [--set KEY=VALUE]...
       agentcol components

Commands:
  run                  collect until SIGINT or SIGTERM (the default)
  validate             check the configuration, print OK or every mistake with file:line:column
  components           list the receivers, processors, exporters and extensions of this build

Options:
  -c, --config FILE    configuration in YAML; may be repeated: later files win, maps merge, lists replace
                       (default: ./otel-config.yaml if there, else the one shipped with agentcol)
      --set KEY=VALUE  one setting more, over all files: --set receivers::sqlite/agents::collection_interval=2s
      --once           read everything there is, print the metrics, exit
      --version        print the version
  -h, --help           print this

Exit codes:
  0  done
  1  the configuration is wrong, or it could not start; with --once: a source could not be read
  2  called wrongly

Environment:
  AGENT_WORKFLOW_DB    the database that the shipped configuration reads
  NO_COLOR             no colours on a terminal
`;
