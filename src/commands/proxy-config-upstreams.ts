import type { Config, ConfiguredComponent } from '../config/config.ts';
import { isLoopback, parseComponentId, parseEndpoint, type Endpoint, type ServerConfig } from '../config/fragments.ts';
import { didYouMean } from '../config/nearest.ts';
import { ConfigError, type Problem } from '../errors.ts';
import { isPlainPath } from './proxy-config-options.ts';
import { UsageError } from './usage-error.ts';

/** A prometheus exporter, as a proxy on the same machine sees it. */
export interface Upstream {
  /** Its id, and its name in the proxy's configuration: of "prometheus/usage" "agentcol-usage". */
  readonly id: string;
  readonly name: string;
  /** Where clients of the proxy find it: /metrics, of "prometheus/usage" /metrics/usage. */
  readonly path: string;
  /** Where the proxy finds it. */
  readonly endpoint: Endpoint;
  readonly scheme: 'http' | 'https';
  /** The extension by which it asks itself who may see it. */
  readonly authenticator: string | undefined;
  /** Whether other machines could do without the proxy. */
  readonly isExposed: boolean;
}

const NO_EXPORTER = 'no pipeline has a prometheus exporter, so there is nothing to put a proxy in front of';

/**
 * The exporters that a run would start, or the one of that id. Throws ConfigError where a proxy cannot reach one, UsageError
 * where there is none of that id.
 */
export function findUpstreams(config: Config, id?: string): readonly Upstream[] {
  const used = new Set([...config.service.pipelines.values()].flatMap(({ exporters }) => exporters));
  const all = [...config.exporters.values()].filter(
    (exporter) => used.has(exporter.id) && exporter.type === 'prometheus',
  );
  if (all.length === 0) throw new ConfigError(NO_EXPORTER);
  const chosen = id === undefined ? all : all.filter((exporter) => exporter.id === id);
  if (chosen.length === 0) {
    const ids = all.map((exporter) => exporter.id);
    const wanted = `--exporter is one of ${ids.join(', ')}`;
    throw new UsageError(`${wanted}, not ${JSON.stringify(id)}${didYouMean(id ?? '', ids)}`);
  }
  const problems = chosen.flatMap((exporter) => problemsOf(exporter).map((problem) => exporter.place(problem)));
  if (problems.length > 0) throw new ConfigError(problems.map((message) => ({ path: [], message })));
  return chosen.map(upstreamOf);
}

function problemsOf(exporter: ConfiguredComponent): readonly Problem[] {
  const problems: Problem[] = [];
  const { endpoint, server } = serverOf(exporter);
  if (endpoint.kind === 'tcp' && endpoint.port === 0) {
    problems.push({
      path: ['endpoint'],
      message: 'port 0 is another one at every start; a proxy needs one that stays',
    });
  }
  if (endpoint.kind === 'unix' && !isPlainPath(endpoint.path)) {
    const message = "a proxy's configuration takes a path of letters, digits and . _ - @ + / only";
    problems.push({ path: ['endpoint'], message });
  }
  if (server.tls?.client_ca_file !== undefined) {
    const message =
      'asks the proxy for a certificate of its own, which agentcol proxy-config knows nothing of; remove it';
    problems.push({ path: ['tls', 'client_ca_file'], message });
  }
  if (!/^[A-Za-z0-9_-]*$/.test(nameOf(exporter))) {
    const message = 'the name becomes part of a path: write it with letters, digits, _ and - only';
    problems.push({ path: [], message });
  }
  return problems;
}

function upstreamOf(exporter: ConfiguredComponent): Upstream {
  const { endpoint, server } = serverOf(exporter);
  const name = nameOf(exporter);
  return {
    id: exporter.id,
    name: name === '' ? 'agentcol' : `agentcol-${name}`,
    path: name === '' ? '/metrics' : `/metrics/${name}`,
    endpoint: reachable(endpoint),
    scheme: server.tls === undefined ? 'http' : 'https',
    authenticator: server.auth?.authenticator,
    isExposed: !isLoopback(endpoint),
  };
}

/** What listens on every address is best reached by loopback. */
function reachable(endpoint: Endpoint): Endpoint {
  if (endpoint.kind === 'unix') return endpoint;
  const host = endpoint.host === '0.0.0.0' ? '127.0.0.1' : endpoint.host === '::' ? '::1' : endpoint.host;
  return { ...endpoint, host };
}

function nameOf({ id }: ConfiguredComponent): string {
  return parseComponentId(id)?.name ?? '';
}

function serverOf({ id, settings }: ConfiguredComponent): {
  readonly server: ServerConfig;
  readonly endpoint: Endpoint;
} {
  // Valid by the schema of its factory, which has all of serverSettings.
  const server = settings as ServerConfig;
  const endpoint = parseEndpoint(server.endpoint);
  if (endpoint === undefined) throw new Error(`${id} has no endpoint`);
  return { server, endpoint };
}
