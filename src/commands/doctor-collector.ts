import http from 'node:http';
import https from 'node:https';
import type { Config } from '../config/config.ts';
import { parseEndpoint } from '../config/fragments.ts';
import { ConfigError, describeError } from '../errors.ts';
import { fail, ok, warn, type Finding } from './doctor-finding.ts';
import { load } from './load.ts';

const TIMEOUT_MS = 3_000;
/** Statuses: not without a password, or a certificate. */
const ASKS_WHO: readonly number[] = [401, 403];
const START = 'agentcol run';

/** Whether the configuration is valid and reads `database`, and what a collector that runs by it says of itself. */
export async function checkCollector(
  files: readonly string[],
  sets: readonly string[],
  database: string,
): Promise<readonly Finding[]> {
  let loaded: Awaited<ReturnType<typeof load>>;
  try {
    loaded = await load(files, sets);
  } catch (error) {
    const problems = error instanceof ConfigError ? error.problems : [{ message: describeError(error) }];
    return problems.map(({ message }) => fail('config', message, 'agentcol validate tells every mistake'));
  }
  const { config } = loaded;
  return [
    ok('config', `${loaded.files.join(', ')} is valid`),
    ...checkReceivers(config, database),
    ...(await Promise.all([...exportersOf(config), ...healthOf(config), ownMetricsOf(config)])).flat(),
  ];
}

function checkReceivers(config: Config, database: string): readonly Finding[] {
  const ids = new Set([...config.service.pipelines.values()].flatMap(({ receivers }) => receivers));
  const read = [...config.receivers.values()].flatMap(({ id, settings }) => {
    const named = ids.has(id) ? property(settings, 'database') : undefined;
    return typeof named === 'string' ? [named] : [];
  });
  // A pattern may match; a collector tells what it has found.
  if (read.some((named) => named === database || /[*?[]/.test(named))) return [];
  const remedy = `set receivers::sqlite/agents::database, or AGENT_WORKFLOW_DB for hooks and collector alike`;
  return [
    warn('config', `no receiver reads ${database}, where the events go, but ${read.join(', ') || 'nothing'}`, remedy),
  ];
}

function exportersOf(config: Config): readonly Promise<readonly Finding[]>[] {
  const ids = new Set([...config.service.pipelines.values()].flatMap(({ exporters }) => exporters));
  return [...config.exporters.values()]
    .filter(({ id, type }) => ids.has(id) && type === 'prometheus')
    .map(async ({ id, settings }) => {
      const answer = await ask(settings, '/metrics');
      const where = `${id} at ${String(property(settings, 'endpoint'))}`;
      if ('error' in answer)
        return [warn('endpoint', `${where} does not answer (${answer.error}): no collector runs`, START)];
      switch (answer.status) {
        case 200:
          return [ok('endpoint', `${where} answers`)];
        case 401:
        case 403:
          return [ok('endpoint', `${where} answers, and asks who wants to know`)];
        case 503:
          return [warn('endpoint', `${where} is still reading what there was`, 'wait until it has caught up')];
        default:
          return [warn('endpoint', `${where} answers with ${answer.status}`, 'see what listens there')];
      }
    });
}

function healthOf(config: Config): readonly Promise<readonly Finding[]>[] {
  return config.service.extensions
    .flatMap((id) => config.extensions.get(id) ?? [])
    .filter(({ type }) => type === 'health_check')
    .map(async ({ id, settings }) => {
      const [ready, status] = await Promise.all([ask(settings, '/readyz'), ask(settings, '/status')]);
      const where = `${id} at ${String(property(settings, 'endpoint'))}`;
      if ('error' in ready || 'error' in status) return [warn('health', `${where} does not answer`, START)];
      if (ready.status !== 200)
        return [warn('health', `${where}: ${ready.body.trim()}`, 'wait until it has caught up')];
      const behind = [...status.body.matchAll(/"rows_behind": (\d+)/g)].reduce(
        (most, [, rows]) => Math.max(most, Number(rows)),
        0,
      );
      const faults = [
        ...new Set(
          [...status.body.matchAll(/"message": ("(?:[^"\\]|\\.)*")/g)].map(([, text]) => String(JSON.parse(text!))),
        ),
      ];
      const message = `${where}: ready, ${behind} rows behind`;
      const failing = status.body.includes('"StatusRecoverableError"');
      return [
        failing
          ? warn('health', `${message}; ${faults.join('; ')}`, 'it recovers by itself once that is mended')
          : ok('health', message),
      ];
    });
}

async function ownMetricsOf(config: Config): Promise<readonly Finding[]> {
  const { level, server } = config.service.telemetry.metrics;
  if (level === 'none') return [ok('telemetry', 'agentcol publishes nothing of itself: level is none')];
  const answer = await ask(server, '/metrics');
  if ('status' in answer && ASKS_WHO.includes(answer.status)) {
    return [ok('telemetry', `agentcol's own metrics at ${server.endpoint} are there, for those who may see them`)];
  }
  if ('error' in answer || answer.status !== 200) {
    const why = 'error' in answer ? answer.error : String(answer.status);
    return [warn('telemetry', `agentcol's own metrics at ${server.endpoint} are not there (${why})`, START)];
  }
  const down = samples(answer.body, 'agentcol_sqlite_source_up').filter(
    ({ value, labels }) => value === 0 && labels.includes('reason="'),
  );
  const behind = Math.max(0, ...samples(answer.body, 'agentcol_sqlite_rows_behind').map(({ value }) => value));
  const reasons = [...new Set(down.map(({ labels }) => /reason="([^"]*)"/.exec(labels)![1]!))].filter(
    (reason) => reason !== '',
  );
  if (reasons.length > 0) {
    return [warn('lag', `the collector cannot read a source: ${reasons.join(', ')}`, 'its log tells what to do')];
  }
  return [ok('lag', `the collector is ${behind} rows behind`)];
}

function samples(text: string, name: string): readonly { readonly labels: string; readonly value: number }[] {
  return [...text.matchAll(new RegExp(`^${name}\\{(.*)\\} (\\S+)`, 'gm'))].map(([, labels, value]) => ({
    labels: labels!,
    value: Number(value),
  }));
}

type Answer = { readonly status: number; readonly body: string } | { readonly error: string };

/** GET of something that listens by `settings`, on this machine. Never rejects. */
function ask(settings: unknown, path: string): Promise<Answer> {
  const endpoint = parseEndpoint(String(property(settings, 'endpoint')));
  if (endpoint === undefined) return Promise.resolve({ error: 'not an endpoint' });
  const secure = property(settings, 'tls') !== undefined;
  const target =
    endpoint.kind === 'unix' ? { socketPath: endpoint.path } : { host: nearby(endpoint.host), port: endpoint.port };
  return new Promise((resolve) => {
    const options = { ...target, path, timeout: TIMEOUT_MS };
    const receive = (response: http.IncomingMessage): void => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    };
    // Whether it answers is the question, not who it is: nothing is sent that would be secret.
    const request = secure ? https.get({ ...options, rejectUnauthorized: false }, receive) : http.get(options, receive);
    request.on('timeout', () => request.destroy(new Error('no answer in time')));
    request.on('error', (error) => resolve({ error: describeError(error) }));
  });
}

/** What listens on every address is asked on this machine's own. */
function nearby(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

function property(settings: unknown, name: string): unknown {
  return typeof settings === 'object' && settings !== null ? Reflect.get(settings, name) : undefined;
}
