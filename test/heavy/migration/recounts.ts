import { createHmac } from 'node:crypto';
import Database from 'better-sqlite3';
import { epochSeconds } from '../../oracle/epoch.ts';
import { INVOCATION_BUCKETS, SESSION_BUCKETS, TOOL_BUCKETS } from '../../oracle/families.ts';

/** What an expression has to answer, by a plain SELECT: the labels, and a `value` or, for a quantile, `observed` as JSON. */
interface Recount {
  readonly sql: string;
  readonly quantile?: { readonly q: number; readonly buckets: readonly number[] };
  /** What an up-down shows that has become 0 again: a series or none. */
  readonly zeros?: 'optional';
  /** Of several that are equally good any will do: only values are compared. */
  readonly tie?: true;
}

/** Nothing in the database says it: what is asked for is that there is an answer. */
const NOT_IN_THE_DATABASE = undefined;

const BY_AGENT = 'SELECT agent AS gen_ai_agent_name';
const BY_TOOL = `${BY_AGENT}, tool AS gen_ai_tool_name`;
const RATE = '100.0 * (1 - errors * 1.0 / invocations)';

/** By former family, in the order of its expressions in docs/migration.md. */
export const RECOUNTS: Readonly<Record<string, readonly (Recount | typeof NOT_IN_THE_DATABASE)[]>> = {
  agent_invocation_total: [
    {
      sql: `${BY_AGENT}, phase AS agent_workflow_phase, one.status AS agent_workflow_status,
        count(*) FILTER (WHERE complete AND outcome = one.status) AS value
        FROM invocation, (SELECT 'completed' AS status UNION VALUES ('failed'), ('abandoned')) AS one GROUP BY 1, 2, 3`,
    },
    {
      sql: `${BY_AGENT}, phase AS agent_workflow_phase, count(*) AS value FROM invocation WHERE NOT complete GROUP BY 1, 2`,
      zeros: 'optional',
    },
  ],
  agent_duration_seconds: [
    {
      sql: `${BY_AGENT}, json_group_array(duration) AS observed FROM invocation WHERE complete GROUP BY 1`,
      quantile: { q: 0.95, buckets: INVOCATION_BUCKETS },
    },
    NOT_IN_THE_DATABASE, // when Prometheus asked
    { sql: `${BY_AGENT}, avg(duration) AS value FROM invocation WHERE complete GROUP BY 1` },
  ],
  agent_last_execution_timestamp: [{ sql: `${BY_AGENT}, max(start) AS value FROM invocation GROUP BY 1` }],
  agent_error_total: [
    {
      sql: `${BY_AGENT}, phase AS agent_workflow_phase, count(*) FILTER (WHERE complete AND outcome = 'failed') AS value
        FROM invocation GROUP BY 1, 2`,
    },
    {
      sql: `${BY_AGENT}, '_OTHER' AS error_type, count(*) AS value FROM invocation WHERE complete AND outcome = 'failed' GROUP BY 1`,
    },
  ],
  agent_success_rate: [
    { sql: `${BY_AGENT}, 100.0 * avg(outcome = 'completed') AS value FROM invocation WHERE complete GROUP BY 1` },
  ],
  phase_distribution_total: [
    {
      sql: `SELECT phase AS agent_workflow_phase, count(*) FILTER (WHERE complete) AS value FROM invocation GROUP BY 1`,
    },
  ],
  total_unique_agents: [{ sql: 'SELECT count(DISTINCT agent) AS value FROM invocation' }],
  parallel_executions_current: [{ sql: 'SELECT count(*) FILTER (WHERE NOT complete) AS value FROM invocation' }],
  total_sessions: [
    {
      sql: `SELECT count(*) AS value FROM (SELECT session_id FROM sessions UNION SELECT session_id FROM agent_invocations
        UNION SELECT session_id FROM agent_tool_uses) WHERE session_id IS NOT NULL`,
    },
  ],
  active_sessions_count: [
    {
      sql: `SELECT count(*) AS value FROM sessions WHERE coalesce(epoch(end_time) > :now - 1800, epoch(start_time) > :now - 86400)`,
    },
  ],
  avg_agents_per_session: [{ sql: 'SELECT avg(agents) AS value FROM newest_session' }],
  session_duration_seconds: [
    {
      sql: `SELECT json_group_array(epoch(end_time) - epoch(start_time)) AS observed FROM sessions WHERE epoch(end_time) < :now - 1800`,
      quantile: { q: 0.5, buckets: SESSION_BUCKETS },
    },
    { sql: 'SELECT count(*) AS value FROM sessions WHERE epoch(end_time) < :now - 1800' },
  ],
  session_agents_total: [{ sql: 'SELECT session_id, invocations AS value FROM newest_session' }],
  session_phases_completed: [{ sql: 'SELECT session_id, phases AS value FROM newest_session' }],
  session_success_rate: [{ sql: `SELECT session_id, ${RATE} AS value FROM newest_session` }],
  session_error_count: [{ sql: 'SELECT session_id, errors AS value FROM newest_session' }],
  session_total_agent_time: [{ sql: 'SELECT session_id, agent_time AS value FROM newest_session' }],
  session_idle_time: [
    { sql: 'SELECT session_id, max(0, span - agent_time) AS value FROM newest_session WHERE span IS NOT NULL' },
  ],
  session_efficiency_ratio: [
    { sql: `SELECT session_id, min(1, agent_time / span) AS value FROM newest_session WHERE agent_time > 0` },
  ],
  session_parallel_factor: [NOT_IN_THE_DATABASE], // when Prometheus asked
  session_start_timestamp: [{ sql: 'SELECT session_id, first AS value FROM newest_session' }],
  session_agent_diversity: [{ sql: 'SELECT session_id, agents * 1.0 / invocations AS value FROM newest_session' }],
  session_completion_status: [
    { sql: `SELECT session_id, (${RATE} > 50) + (${RATE} > 90) AS value FROM newest_session` },
  ],
  session_duration_by_first_agent: [],
  agent_tool_usage_total: [
    { sql: `${BY_TOOL}, count(*) FILTER (WHERE complete) AS value FROM call WHERE agent <> 'direct' GROUP BY 1, 2` },
    { sql: `${BY_TOOL}, count(*) AS value FROM call WHERE NOT complete GROUP BY 1, 2`, zeros: 'optional' },
  ],
  agent_tool_duration_seconds: [
    {
      sql: `${BY_TOOL}, json_group_array(duration) AS observed FROM call WHERE complete AND duration IS NOT NULL GROUP BY 1, 2`,
      quantile: { q: 0.95, buckets: TOOL_BUCKETS },
    },
  ],
  agent_tool_success_rate: [
    { sql: `${BY_TOOL}, 100.0 * avg(outcome = 'completed') AS value FROM call WHERE complete GROUP BY 1, 2` },
  ],
  tools_per_agent_invocation: [
    {
      sql: `SELECT runs.agent AS gen_ai_agent_name, calls * 1.0 / invocations AS value
        FROM (SELECT agent, count(*) AS invocations FROM invocation WHERE complete GROUP BY 1) AS runs
        JOIN (SELECT agent, count(*) FILTER (WHERE complete) AS calls FROM call GROUP BY 1) AS used USING (agent)`,
    },
  ],
  agent_tool_diversity: [
    {
      sql: `${BY_AGENT}, count(DISTINCT tool) * 1.0 / count(*) FILTER (WHERE complete) AS value FROM call GROUP BY 1
        HAVING count(*) FILTER (WHERE complete) > 0`,
    },
  ],
  agent_primary_tool: [
    {
      sql: `SELECT gen_ai_agent_name, max(calls) AS value FROM (${BY_TOOL}, count(*) FILTER (WHERE complete) AS calls FROM call GROUP BY 1, 2) GROUP BY 1`,
      tie: true,
    },
  ],
  agent_workflow_database: [
    { sql: 'SELECT page_count * page_size AS value FROM pragma_page_count, pragma_page_size' },
    { sql: 'SELECT count(*) AS value FROM invocation' },
  ],
  exporter_memory_usage_mb: [NOT_IN_THE_DATABASE],
  exporter_query_duration_seconds: [NOT_IN_THE_DATABASE],
  exporter_query_result_count: [NOT_IN_THE_DATABASE],
};

const VIEWS = `
  CREATE TEMP VIEW invocation AS SELECT session_id, agent_name AS agent, coalesce(phase, 'unknown') AS phase,
    end_time IS NOT NULL OR coalesce(status, '') IN ('completed', 'failed', 'error') AS complete,
    CASE WHEN status IN ('failed', 'error') THEN 'failed' ELSE 'completed' END AS outcome,
    coalesce(duration_seconds, epoch(end_time) - epoch(start_time)) AS duration, epoch(start_time) AS start, epoch(end_time) AS end
    FROM agent_invocations WHERE event_type = 'pre_invocation' AND agent_name IS NOT NULL;
  CREATE TEMP VIEW call AS SELECT coalesce(agent_name, 'unknown') AS agent, tool_name AS tool,
    end_time IS NOT NULL OR coalesce(status, '') IN ('completed', 'failed', 'error') OR coalesce(agent_name, '') = 'direct' AS complete,
    CASE WHEN status IN ('failed', 'error') THEN 'failed' WHEN agent_name = 'direct' AND end_time IS NULL THEN 'unknown' ELSE 'completed' END AS outcome,
    coalesce(duration_seconds, epoch(end_time) - epoch(start_time)) AS duration
    FROM agent_tool_uses WHERE tool_name IS NOT NULL;
  CREATE TEMP VIEW newest_session AS SELECT hashed(session_id) AS session_id, count(*) AS invocations, sum(outcome = 'failed') AS errors,
    total(duration) AS agent_time, max(end) - min(start) AS span, min(start) AS first, count(DISTINCT phase) AS phases, count(DISTINCT agent) AS agents
    FROM invocation WHERE session_id IS NOT NULL GROUP BY invocation.session_id;`;

interface Row {
  readonly value?: number | null;
  readonly observed?: string;
  readonly [label: string]: unknown;
}

export interface Labelled {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The answers that a recount of the database expects now. Timestamps are UTC; session ids are hashed with `key`. */
export function expected(file: string, key: string, { sql, quantile }: Recount): readonly Labelled[] {
  const db = new Database(file, { readonly: true });
  try {
    db.function('epoch', { deterministic: true }, (text: unknown) => epochSeconds(text, 'UTC'));
    db.function('hashed', { deterministic: true }, (id: unknown) =>
      createHmac('sha256', key).update(String(id)).digest('hex').slice(0, 16),
    );
    db.exec(VIEWS);
    const rows = db.prepare<{ now?: number }, Row>(sql).all(sql.includes(':now') ? { now: Date.now() / 1000 } : {});
    return rows.map(({ value, observed, ...labels }) => ({
      labels: labels as Readonly<Record<string, string>>,
      value: quantile === undefined ? (value ?? NaN) : quantileOf(JSON.parse(observed ?? '[]') as number[], quantile),
    }));
  } finally {
    db.close();
  }
}

/** As Prometheus estimates it from buckets: linear within the one that holds the rank. */
function quantileOf(values: readonly number[], { q, buckets }: NonNullable<Recount['quantile']>): number {
  const rank = q * values.length;
  const below = (bound: number): number => values.filter((value) => value <= bound).length;
  const index = buckets.findIndex((bound) => below(bound) >= rank);
  if (index === -1) return buckets.at(-1)!;
  const [low, high] = [index === 0 ? 0 : buckets[index - 1]!, buckets[index]!];
  const before = index === 0 ? 0 : below(low);
  return low + (high - low) * ((rank - before) / (below(high) - before));
}

/** What differs, readable; empty where the answer is the recount. Reals are equal to 1e-9. */
export function differencesOf(
  answer: readonly Labelled[],
  recounted: readonly Labelled[],
  { zeros, tie }: Recount,
): readonly string[] {
  const named = (samples: readonly Labelled[]): Map<string, number> =>
    new Map(
      samples
        .filter(({ value }) => zeros === undefined || value !== 0)
        .map(({ labels, value }) => [keyOf(labels, tie === true ? ['gen_ai_tool_name'] : []), value]),
    );
  const [have, want] = [named(answer), named(recounted)];
  return [...new Set([...have.keys(), ...want.keys()])].flatMap((key) => {
    const [a, b] = [have.get(key), want.get(key)];
    const equal = a !== undefined && b !== undefined && Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b));
    return equal ? [] : [`${key}: answers ${String(a)}, recounted ${String(b)}`];
  });
}

function keyOf(labels: Readonly<Record<string, string>>, left: readonly string[]): string {
  const ignored = ['__name__', 'job', 'instance', ...left];
  const pairs = Object.entries(labels).filter(([name]) => !ignored.includes(name));
  return JSON.stringify(pairs.sort(([a], [b]) => (a < b ? -1 : 1)));
}
