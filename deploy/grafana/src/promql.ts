/** What the template variables of the dashboards let through. */
export const AGENT = 'gen_ai_agent_name=~"$agent"';
export const PHASE = 'agent_workflow_phase=~"$phase"';
export const TOOL = 'gen_ai_tool_name=~"$tool"';

/** The series of a metric that all matchers let through. */
export function series(metric: string, ...matchers: readonly string[]): string {
  return matchers.length === 0 ? metric : `${metric}{${matchers.join(', ')}}`;
}

/** By how much counters grew in the time range of the dashboard. */
export function inRange(counters: string): string {
  return `increase(${counters}[$__range])`;
}

/**
 * By how much counters grew, by labels, in each interval of the graph, exactly. An increase over $__interval would miss what
 * happens between the last sample of an interval and the first of the next: of a handful of events a day, some would
 * never be drawn. $__rate_interval is longer by one scrape, and an increase is scaled to that length.
 */
export function inEachInterval(labels: string, counters: string): string {
  return `sum by (${labels}) (increase(${counters}[$__rate_interval])) * $__interval_ms / $__rate_interval_ms`;
}

/** 0 where nothing has been counted yet, so that nothing is told from unknown. */
export function orZero(expression: string): string {
  return `${expression} or on () vector(0)`;
}

/** A part of a whole; nothing where the whole is so small that a ratio says nothing. */
export function ratio(part: string, whole: string): string {
  return `${part} / (${whole} >= $min_count)`;
}

/** A quantile of what a histogram observed in the time range, by labels; nothing where it observed next to nothing. */
export function quantile(q: number, labels: string, histogram: string, ...matchers: readonly string[]): string {
  const by = labels === '' ? '' : ` by (${labels})`;
  const buckets = `sum by (${labels === '' ? 'le' : `le, ${labels}`}) (${inRange(series(`${histogram}_bucket`, ...matchers))})`;
  const count = `sum${by} (${inRange(series(`${histogram}_count`, ...matchers))})`;
  return `histogram_quantile(${q}, ${buckets}) and ${count} >= $min_count`;
}
