import type { Problem } from '../../src/errors.ts';
import type { Signal } from '../../src/pipeline/signals.ts';
import type { Config } from './config.ts';

const SETTINGS = ['endpoint', 'metrics_endpoint', 'traces_endpoint', 'logs_endpoint'] as const;

/** Where requests of each signal go. */
export function urlsOf(config: Config): Readonly<Record<Signal, URL>> {
  return {
    metrics: urlOf(config, 'metrics'),
    traces: urlOf(config, 'traces'),
    logs: urlOf(config, 'logs'),
  };
}

function urlOf(config: Config, signal: Signal): URL {
  const own = config[`${signal}_endpoint`];
  return new URL(own ?? `${config.endpoint.replace(/\/+$/, '')}/v1/${signal}`);
}

export function urlProblems(config: Config): readonly Problem[] {
  return SETTINGS.flatMap((setting) => {
    const text = config[setting];
    const message = text === undefined ? undefined : faultOf(text);
    return message === undefined ? [] : [{ path: [setting], message }];
  });
}

function faultOf(text: string): string | undefined {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text))
    return 'is no URL; write http://host:port or https://host:port';
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return 'holds a name or password: give them to auth instead';
  if (url.search !== '' || url.hash !== '') return 'has more than a path; remove what follows ? or #';
  return undefined;
}

/** The settings whose URLs are in the clear, and their hosts. */
export function clearTextHosts(config: Config): readonly { readonly setting: string; readonly host: string }[] {
  return SETTINGS.flatMap((setting) => {
    const text = config[setting];
    if (text === undefined) return [];
    const { protocol, hostname } = new URL(text);
    return protocol === 'http:' ? [{ setting, host: hostname.replace(/^\[|\]$/g, '') }] : [];
  });
}
