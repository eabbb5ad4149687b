import { zoneOffsetMs } from '../fixtures/local-time.ts';

const ISO = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?$/;

/**
 * Epoch seconds of a timestamp as agent_workflow databases hold them, or null. Slow and plain on purpose. A wall time that
 * occurs twice is the first; one that a clock change skips is read with the offset before the change.
 */
export function epochSeconds(text: unknown, zone: string): number | null {
  if (typeof text !== 'string') return null;
  const match = ISO.exec(text);
  if (match === null) return null;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number);
  const micros = Number((match[7] ?? '').padEnd(6, '0').slice(0, 6));
  const wallMs = Date.UTC(year!, month! - 1, day, hour, minute, second);
  const utcMs = wallMs - offsetOfWall(wallMs, match[8], zone);
  return (utcMs * 1000 + micros) / 1e6;
}

function offsetOfWall(wallMs: number, written: string | undefined, zone: string): number {
  if (written === 'Z') return 0;
  if (written !== undefined) {
    const digits = written.replace(':', '');
    const minutes = Number(digits.slice(1, 3)) * 60 + Number(digits.slice(3, 5));
    return (written.startsWith('-') ? -minutes : minutes) * 60_000;
  }
  const dayMs = 86_400_000;
  const before = zoneOffsetMs(zone, wallMs - dayMs);
  const after = zoneOffsetMs(zone, wallMs + dayMs);
  if (zoneOffsetMs(zone, wallMs - before) === before) return before;
  return zoneOffsetMs(zone, wallMs - after) === after ? after : before;
}
