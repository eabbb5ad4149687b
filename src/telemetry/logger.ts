import { pino } from 'pino';
import type { Logger } from '../component.ts';
import { Repeats, type Level } from './repeats.ts';

export interface LoggerOptions {
  readonly level: Level;
  /** Whether lines are for people (a terminal) or for machines (JSON) is asked of it. */
  readonly stream: { write(text: string): unknown; readonly isTTY?: boolean };
  /** Colours, on a terminal; default: unless NO_COLOR is set (https://no-color.org). */
  readonly colours?: boolean;
}

/** The logger of the process. */
export interface RootLogger extends Logger {
  /** The least severe messages to write from now on. */
  setLevel(level: Level): void;
  /** Writes at once how often messages were repeated: before the process ends. */
  flush(): void;
}

/** JSON lines {level, time, component?, msg, ...fields}, or on a terminal "12:30:01.250 warn  sqlite/agents: message (field=value)". Repetitions are counted: see Repeats. */
export function createLogger({ level, stream, colours = !process.env['NO_COLOR'] }: LoggerOptions): RootLogger {
  const terminal = { write: (line: string) => stream.write(readableLine(line, colours)) };
  const json = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream.isTTY === true ? terminal : { write: (line: string) => stream.write(line) },
  );
  const repeats = new Repeats((at, message, fields) => {
    json[at](fields, message);
  });
  const log =
    (at: Level): Logger['info'] =>
    (message, fields = {}) => {
      if (json.isLevelEnabled(at)) repeats.log(at, message, fields);
    };
  return {
    debug: log('debug'),
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
    setLevel: (to) => {
      json.level = to;
    },
    flush: () => {
      repeats.flush();
    },
  };
}

/** The same logger, with the component's id on every line. */
export function childLogger(logger: Logger, component: string): Logger {
  return {
    debug: (message, fields) => logger.debug(message, { component, ...fields }),
    info: (message, fields) => logger.info(message, { component, ...fields }),
    warn: (message, fields) => logger.warn(message, { component, ...fields }),
    error: (message, fields) => logger.error(message, { component, ...fields }),
  };
}

const COLOURS: Readonly<Record<string, string>> = { debug: '\x1b[2m', warn: '\x1b[33m', error: '\x1b[31m' };
const RESET = '\x1b[0m';

function readableLine(line: string, colours: boolean): string {
  const { level, time, msg, component, ...fields } = JSON.parse(line) as Readonly<Record<string, unknown>>;
  const details = Object.entries(fields).map(([name, value]) => `${name}=${plainText(value)}`);
  const text = [
    typeof component === 'string' ? `${plainText(component)}: ` : '',
    plainText(msg ?? ''),
    details.length > 0 ? ` (${details.join(', ')})` : '',
  ].join('');
  const clock = new Date(String(time)).toTimeString().slice(0, 8);
  const label = String(level).padEnd(5);
  const colour = colours ? COLOURS[String(level)] : undefined;
  return `${clock} ${colour === undefined ? label : colour + label + RESET} ${text}\n`;
}

/** One line without control characters: what a file is named must not move the cursor. */
function plainText(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  // eslint-disable-next-line no-control-regex -- control characters are what it is about
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}
