import fs from 'node:fs';
import https from 'node:https';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { certificate } from '../../http/certificates.ts';
import { OpenTelemetryCollector } from '../../interop/collector.ts';
import { describeInterop } from '../../interop/suite.ts';
import { sampleKey } from '../../oracle/samples.ts';
import { Workspace } from '../../main-job/harness.ts';

const JSON_TYPE = { 'Content-Type': 'application/json' };
const COUNTED = sampleKey('agent_workflow_invocations_total', { gen_ai_agent_name: 'architect' });

/** Written by hand, not by agentcol. */
const METRICS = JSON.stringify({
  resourceMetrics: [
    {
      resource: { attributes: [{ key: 'host.name', value: { stringValue: 'here' } }] },
      scopeMetrics: [
        {
          scope: { name: 'agentcol' },
          metrics: [
            {
              name: 'agent_workflow.invocations',
              unit: '{invocation}',
              sum: {
                aggregationTemporality: 2,
                isMonotonic: true,
                dataPoints: [
                  {
                    attributes: [{ key: 'gen_ai.agent.name', value: { stringValue: 'architect' } }],
                    startTimeUnixNano: '1000000000',
                    timeUnixNano: '2000000000',
                    asInt: '7',
                  },
                ],
              },
            },
            {
              name: 'gen_ai.invoke_agent.duration',
              unit: 's',
              histogram: {
                aggregationTemporality: 2,
                dataPoints: [
                  {
                    attributes: [],
                    startTimeUnixNano: '1000000000',
                    timeUnixNano: '2000000000',
                    count: '3',
                    sum: 4.5,
                    bucketCounts: ['1', '2', '0'],
                    explicitBounds: [1, 2],
                  },
                ],
              },
            },
          ],
        },
      ],
    },
  ],
});
const SPANS = JSON.stringify({
  resourceSpans: [
    {
      resource: { attributes: [] },
      scopeSpans: [
        {
          scope: { name: 'agentcol' },
          spans: [
            {
              traceId: '5b8efff798038103d269b633813fc60c',
              spanId: 'eee19b7ec3c1b174',
              parentSpanId: 'eee19b7ec3c1b173',
              name: 'execute_tool Bash',
              kind: 1,
              startTimeUnixNano: '1544712660300000001',
              endTimeUnixNano: '1544712661300000002',
              attributes: [{ key: 'gen_ai.tool.name', value: { stringValue: 'Bash' } }],
              status: { code: 2 },
            },
          ],
        },
      ],
    },
  ],
});
const LOGS = JSON.stringify({
  resourceLogs: [
    {
      resource: { attributes: [] },
      scopeLogs: [
        {
          scope: { name: 'agentcol' },
          logRecords: [
            {
              timeUnixNano: '1544712660300000000',
              observedTimeUnixNano: '1544712660300000000',
              severityNumber: 9,
              eventName: 'agent_workflow.tool_call',
              body: { stringValue: 'done' },
              traceId: '5b8efff798038103d269b633813fc60c',
              spanId: 'eee19b7ec3c1b174',
              attributes: [{ key: 'calls', value: { intValue: '3' } }],
            },
          ],
        },
      ],
    },
  ],
});
const SPAN = {
  traceId: '5b8efff798038103d269b633813fc60c',
  spanId: 'eee19b7ec3c1b174',
  parentSpanId: 'eee19b7ec3c1b173',
  name: 'execute_tool Bash',
  kind: 1,
  startNs: 1544712660300000001n,
  endNs: 1544712661300000002n,
  status: 'error',
  attributes: { 'gen_ai.tool.name': 'Bash' },
};
const RECORD = {
  timeNs: 1544712660300000000n,
  eventName: 'agent_workflow.tool_call',
  severity: 9,
  body: 'done',
  traceId: '5b8efff798038103d269b633813fc60c',
  spanId: 'eee19b7ec3c1b174',
  attributes: { calls: 3 },
};

describeInterop('the OpenTelemetry Collector that suites send to', () => {
  let workspace: Workspace;

  beforeEach(() => {
    workspace = new Workspace();
  });
  afterEach(() => workspace[Symbol.dispose]());

  it('shows what was sent, in its Prometheus exporter and in its file, and keeps it when it is killed', async () => {
    await using collector = await OpenTelemetryCollector.start(workspace.file('collector'));
    const send = async (signal: string, body: string): Promise<number> => {
      const url = `http://127.0.0.1:${collector.httpPort}/v1/${signal}`;
      return (await fetch(url, { method: 'POST', headers: JSON_TYPE, body })).status;
    };
    expect(await send('metrics', METRICS)).toBe(200);
    expect(await send('traces', SPANS)).toBe(200);
    expect(await send('logs', LOGS)).toBe(200);
    const shown = await collector.samples();
    expect(shown.get(COUNTED)).toBe(7);
    expect(shown.get(sampleKey('gen_ai_invoke_agent_duration_seconds_bucket', { le: '2' }))).toBe(3);

    await collector.kill();
    const { samples, spans, records, fallen, resources } = collector.received();
    expect(samples).toEqual(shown);
    expect(spans).toEqual([SPAN]);
    expect(records).toEqual([RECORD]);
    expect(fallen).toEqual([]);
    expect(resources).toEqual([{ 'host.name': 'here' }, {}]);

    await collector.start();
    expect(await send('metrics', METRICS.replace('"asInt":"7"', '"asInt":"6"'))).toBe(200);
    expect(collector.received().fallen).toEqual([COUNTED]);
    expect((await collector.samples()).get(COUNTED)).toBe(6);
  });

  it('reads files of OTLP JSON lines', async () => {
    fs.writeFileSync(workspace.file('sent.jsonl'), `${SPANS}\n${METRICS}\n${LOGS}\n`);
    await using collector = await OpenTelemetryCollector.start(workspace.file('collector'), {
      include: workspace.file('sent*.jsonl'),
    });
    await expect
      .poll(() => collector.received(), { timeout: 30_000 })
      .toMatchObject({ spans: [SPAN], records: [RECORD], samples: { size: 6 } });
    expect(collector.log).not.toContain('line refused');
  });

  it('takes nothing without its token, nor from those that it has no certificate for', async () => {
    const authority = certificate('authority');
    const own = certificate('localhost', authority);
    for (const [name, text] of Object.entries({ ca: authority.cert, cert: own.cert, key: own.key })) {
      fs.writeFileSync(workspace.file(name), text);
    }
    await using collector = await OpenTelemetryCollector.start(workspace.file('collector'), {
      tls: {
        cert_file: workspace.file('cert'),
        key_file: workspace.file('key'),
        client_ca_file: workspace.file('ca'),
      },
      token: 'opensesame',
    });
    const send = (headers: Readonly<Record<string, string>>, tls: https.RequestOptions): Promise<number | string> =>
      new Promise((resolve) => {
        https
          .request(
            {
              ...{ host: 'localhost', port: collector.httpPort, path: '/v1/metrics', method: 'POST', agent: false },
              ...{ ca: authority.cert, headers: { ...JSON_TYPE, ...headers }, ...tls },
            },
            (response) => resolve(response.resume().statusCode ?? 0),
          )
          .on('error', (error) => resolve('code' in error ? String(error.code) : error.message))
          .end(METRICS);
      });
    const client = { cert: own.cert, key: own.key };
    expect(await send({ Authorization: 'Bearer opensesame' }, client)).toBe(200);
    expect(await send({ Authorization: 'Bearer other' }, client)).toBe(401);
    expect(await send({}, client)).toBe(401);
    expect(await send({ Authorization: 'Bearer opensesame' }, {})).toMatch(/^ERR_SSL|ECONNRESET|EPIPE/);
  });
});
