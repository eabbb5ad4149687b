import type { ConfigSources } from '../config/config.ts';
import { load } from './load.ts';
import { print } from './print.ts';
import { renderCaddy } from './proxy-config-caddy.ts';
import { renderNginx } from './proxy-config-nginx.ts';
import type { ProxyConfigOptions } from './proxy-config-options.ts';
import { findUpstreams } from './proxy-config-upstreams.ts';
import { UsageError } from './usage-error.ts';

/**
 * Prints the configuration of a proxy that lets others see what the exporters of this configuration publish. Rejects with
 * ConfigError, or UsageError where an option does not fit the configuration.
 */
export async function proxyConfig({
  files,
  sets,
  ...options
}: Required<Pick<ConfigSources, 'files' | 'sets'>> & ProxyConfigOptions): Promise<number> {
  const { config } = await load(files, sets);
  const upstreams = findUpstreams(config, options.exporter);
  const taken = upstreams.find(({ endpoint }) => endpoint.kind === 'tcp' && endpoint.port === options.port);
  if (taken !== undefined) throw new UsageError(`--listen: ${options.port} is the port of ${taken.id} itself`);
  await print(options.proxy === 'nginx' ? renderNginx(options, upstreams) : renderCaddy(options, upstreams));
  return 0;
}
