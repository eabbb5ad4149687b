import { existsSync } from 'node:fs';
import type { Config, ConfiguredComponent } from '../config/config.ts';
import { parseEndpoint } from '../config/fragments.ts';
import { ConfigError } from '../errors.ts';
import { hostPort } from '../http/address.ts';

const RECEIVER = 'claude_code_hooks';
/** Where settings that others see do not hold the token themselves. */
const TOKEN_VARIABLE = 'AGENTCOL_HOOKS_TOKEN';
const ANYWHERE: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

/** What a configuration says of hooks over HTTP. */
export interface HttpReceiver {
  /** "http://127.0.0.1:9468"; undefined for a Unix socket. */
  readonly origin: string | undefined;
  readonly database: string;
  /** The folder of the token that is asked for; undefined where an authenticator decides. */
  readonly tokenDirectory: string | undefined;
  /** The type of that authenticator. */
  readonly authenticator: string | undefined;
}

/** Of the first receiver of hooks that a pipeline has; undefined: none has. */
export function httpReceiverOf({ receivers, extensions, service }: Config): HttpReceiver | undefined {
  const used = new Set([...service.pipelines.values()].flatMap((pipeline) => pipeline.receivers));
  const receiver = [...receivers.values()].find(({ id, type }) => type === RECEIVER && used.has(id));
  if (receiver === undefined) return undefined;
  const { settings } = receiver;
  const named = property(property(settings, 'auth'), 'authenticator');
  const storageId = property(settings, 'storage');
  const storages = service.extensions.flatMap((id) => extensions.get(id) ?? []).filter(isStorage);
  const storage = storages.find(({ id }) => id === storageId) ?? (storages.length === 1 ? storages[0] : undefined);
  return {
    origin: originOf(settings),
    database: String(property(settings, 'database')),
    tokenDirectory:
      named === undefined && storage !== undefined ? String(property(storage.settings, 'directory')) : undefined,
    authenticator: typeof named === 'string' ? extensions.get(named)?.type : undefined,
  };
}

/** How hooks tell that receiver. `shared`: others see the settings. Makes the token where there is none. Throws ConfigError. */
export async function httpHookFor(
  receiver: HttpReceiver | undefined,
  {
    endpoint,
    shared,
    dryRun,
  }: { readonly endpoint: string | undefined; readonly shared: boolean; readonly dryRun: boolean },
) {
  const { httpHookUrl } = await import('../../receivers/claude_code_hooks/install/hook-entry.ts');
  if (receiver === undefined) {
    throw new ConfigError(`no pipeline has a ${RECEIVER} receiver: add one, or install without --http`);
  }
  const { tokenDirectory, authenticator } = receiver;
  const url = endpoint ?? receiver.origin;
  if (url === undefined)
    throw new ConfigError(`agents cannot call a Unix socket: set ${RECEIVER}::endpoint to host:port`);
  if (authenticator !== undefined && authenticator !== 'bearertokenauth') {
    throw new ConfigError(
      `hooks show a token, and ${RECEIVER}::auth asks for something else: name a bearertokenauth there`,
    );
  }
  if (shared || tokenDirectory === undefined) return { url: httpHookUrl(url), token: { variable: TOKEN_VARIABLE } };
  const { preparePrivateDirectory } = await import('../../extensions/file_storage/directory.ts');
  const { readOrCreateToken, tokenFile } = await import('../../receivers/claude_code_hooks/token.ts');
  if (dryRun && !existsSync(tokenFile(tokenDirectory))) return { url: httpHookUrl(url), token: { value: 'new' } };
  preparePrivateDirectory(tokenDirectory);
  return { url: httpHookUrl(url), token: { value: readOrCreateToken(tokenDirectory) } };
}

function originOf(settings: unknown): string | undefined {
  const endpoint = parseEndpoint(String(property(settings, 'endpoint')));
  if (endpoint?.kind !== 'tcp') return undefined;
  const scheme = property(settings, 'tls') === undefined ? 'http' : 'https';
  return `${scheme}://${hostPort(ANYWHERE[endpoint.host] ?? endpoint.host, endpoint.port)}`;
}

function isStorage({ type }: ConfiguredComponent): boolean {
  return type === 'file_storage';
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
