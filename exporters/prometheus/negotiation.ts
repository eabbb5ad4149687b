import type { Format } from './writer.ts';

const TEXT_TYPES: ReadonlySet<string> = new Set(['text/plain', 'text/*', '*/*']);

/**
 * The format that an Accept header asks for: OpenMetrics 1.0.0 where it is wanted at least as much as the text format,
 * which everybody else gets, whatever they accept: a scraper that asks for something else is still better off with it.
 */
export function negotiate(accept: string | undefined): Format {
  let openMetrics = 0;
  let text = 0;
  for (const range of (accept ?? '').split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const values = new Map(parameters.map((parameter) => splitParameter(parameter)));
    const quality = qualityOf(values.get('q'));
    const version = values.get('version');
    if (type === 'application/openmetrics-text' && (version === undefined || version === '1.0.0')) {
      openMetrics = Math.max(openMetrics, quality);
    } else if (TEXT_TYPES.has(type) && (version === undefined || version === '0.0.4')) {
      text = Math.max(text, quality);
    }
  }
  return openMetrics > 0 && openMetrics >= text ? 'openmetrics' : 'text';
}

/** Whether an Accept-Encoding header takes gzip. */
export function acceptsGzip(acceptEncoding: string | string[] | undefined): boolean {
  return String(acceptEncoding ?? '')
    .split(',')
    .some((range) => {
      const [coding = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
      if (coding !== 'gzip' && coding !== 'x-gzip') return false;
      return qualityOf(new Map(parameters.map((parameter) => splitParameter(parameter))).get('q')) > 0;
    });
}

function splitParameter(parameter: string): [string, string] {
  const [name = '', value = ''] = parameter.split('=', 2).map((part) => part.trim());
  return [name, value.replace(/^"(.*)"$/, '$1')];
}

/** 0 for what is no number: an unreadable preference is no preference. */
function qualityOf(text: string | undefined): number {
  if (text === undefined) return 1;
  const quality = Number(text);
  return text !== '' && quality >= 0 && quality <= 1 ? quality : 0;
}
