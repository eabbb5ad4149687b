import { describe, expect, test } from 'vitest';
import { acceptsGzip, negotiate } from '../../../exporters/prometheus/negotiation.ts';

describe('negotiate', () => {
  test.each([
    ['no header', undefined, 'text'],
    ['an empty header', '', 'text'],
    ['curl', '*/*', 'text'],
    ['a browser', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'text'],
    [
      'Prometheus 3',
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
      'openmetrics',
    ],
    [
      'Prometheus 2.42',
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      'openmetrics',
    ],
    [
      'Prometheus with native histograms',
      'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
      'openmetrics',
    ],
    [
      'Prometheus 2.5, which knows a draft of OpenMetrics only',
      'application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      'text',
    ],
    [
      'scrape_protocols that prefer the text format',
      'text/plain;version=0.0.4;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1',
      'text',
    ],
    [
      'text 1.0.0, which is not spoken, before OpenMetrics',
      'text/plain;version=1.0.0, application/openmetrics-text',
      'openmetrics',
    ],
    ['OpenMetrics in capitals, without a version', 'Application/OpenMetrics-Text', 'openmetrics'],
    ['a quoted version', 'application/openmetrics-text; version="1.0.0"; charset=utf-8', 'openmetrics'],
    ['OpenMetrics refused', 'application/openmetrics-text;q=0', 'text'],
    ['an unreadable quality', 'application/openmetrics-text;q=high', 'text'],
    ['OpenMetrics 2', 'application/openmetrics-text;version=2.0.0', 'text'],
    ['something else', 'application/json', 'text'],
    ['nonsense', ';;=,;q,', 'text'],
  ] as const)('%s', (_, accept, format) => {
    expect(negotiate(accept)).toBe(format);
  });
});

describe('acceptsGzip', () => {
  test.each([
    [undefined, false],
    ['gzip', true],
    ['deflate, GZIP;q=0.5', true],
    ['x-gzip', true],
    ['gzip;q=0', false],
    ['identity', false],
    [['br', 'gzip'], true],
  ])('%j: %s', (header, accepted) => {
    expect(acceptsGzip(header)).toBe(accepted);
  });
});
