/** Actions on attributes, as in the Collector: settings, checks and what they do, for whoever applies them. */
import type { Settings, TracedAttribute } from '../component.ts';
import type { Problem } from '../errors.ts';
import { replaceValues } from '../pipeline/attributes.ts';
import type { Attributes, AttributeValue } from '../pipeline/signals.ts';
import { hasherOf, type Hasher, type HmacConfig } from './hmac.ts';
import { linearRegexp } from './linear-regexp.ts';

/** A list of actions, applied in order. */
export const actions = {
  type: 'array',
  minItems: 1,
  items: {
    type: 'object',
    additionalProperties: false,
    required: ['action'],
    properties: {
      key: { type: 'string', minLength: 1, description: 'The attribute to act upon.' },
      action: {
        enum: ['insert', 'update', 'upsert', 'delete', 'hash'],
        description: 'insert: where it is missing; update: where it is there; upsert: either.',
      },
      value: {
        type: ['string', 'number', 'boolean'],
        description: 'What to insert or update it with.',
      },
      from_attribute: {
        type: 'string',
        minLength: 1,
        description: 'The attribute whose value to take instead; where that is missing, nothing happens.',
      },
      pattern: {
        type: 'string',
        minLength: 1,
        description: 'For delete and hash: a regular expression; every attribute with such a name, besides `key`.',
      },
    },
  },
} as const;

export interface Action {
  readonly key?: string;
  readonly action: 'insert' | 'update' | 'upsert' | 'delete' | 'hash';
  readonly value?: AttributeValue;
  readonly from_attribute?: string;
  readonly pattern?: string;
}

/** What the schema cannot say, with paths from the list. */
export function actionProblems(list: readonly Action[]): readonly Problem[] {
  return list.flatMap((action, index) => problemsOf(action).map((message) => ({ path: [index], message })));
}

function problemsOf({ key, action, value, from_attribute, pattern }: Action): string[] {
  const sources = [value, from_attribute].filter((source) => source !== undefined).length;
  if (action === 'delete' || action === 'hash') {
    return [
      ...(key === undefined && pattern === undefined ? [`${action} needs a key or a pattern`] : []),
      ...(sources > 0 ? [`${action} takes neither value nor from_attribute`] : []),
      ...(pattern === undefined ? [] : patternProblems(pattern)),
    ];
  }
  return [
    ...(key === undefined ? [`${action} needs a key`] : []),
    ...(sources === 1 ? [] : [`${action} needs either value or from_attribute`]),
    ...(pattern === undefined ? [] : [`${action} takes no pattern`]),
  ];
}

export function patternProblems(pattern: string): string[] {
  try {
    linearRegexp(pattern);
    return [];
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return [`not a regular expression that can be used here: ${error.message}`];
  }
}

/** Checked actions, one after the other. */
export interface Actions extends Step {
  /** To be called once the storage has started: it may keep the key for hashes. */
  readonly start: () => void;
}

interface Step {
  /** The same object where nothing changes. */
  readonly apply: (attributes: Attributes) => Attributes;
  /** What becomes of attributes by name, of those that may be there. */
  readonly trace: (attributes: readonly TracedAttribute[]) => readonly TracedAttribute[];
}

/** Throws ConfigError when there is something to hash, and neither a key nor a storage. */
export function actionsOf(list: readonly Action[], config: HmacConfig, settings: Settings): Actions {
  const hasher = list.some(({ action }) => action === 'hash') ? hasherOf(config, settings) : undefined;
  const steps = list.map((action) => stepOf(action, hasher));
  return {
    start: () => hasher?.start(),
    apply: (attributes) => steps.reduce((before, { apply }) => apply(before), attributes),
    trace: (attributes) => steps.reduce((before, { trace }) => trace(before), attributes),
  };
}

function stepOf(action: Action, hasher: Hasher | undefined): Step {
  const named = namedBy(action);
  switch (action.action) {
    case 'delete':
      return {
        apply: (attributes) => replaceValues(attributes, (value, name) => (named(name) ? undefined : value)),
        trace: (attributes) => attributes.filter(({ name }) => !named(name)),
      };
    case 'hash':
      return {
        apply: (attributes) =>
          replaceValues(attributes, (value, name) => (named(name) ? hasher?.hash(String(value)) : value)),
        trace: (attributes) => attributes.map((one) => (named(one.name) ? treated(one, 'hashed') : one)),
      };
    default:
      return writing(action);
  }
}

/** Insert, update, upsert. */
function writing({ action, key = '', value: constant, from_attribute: from }: Action): Step {
  return {
    apply(attributes) {
      const own = new Map(Object.entries(attributes));
      const value = from === undefined ? constant : own.get(from);
      const writes = action === 'upsert' || (action === 'update') === own.has(key);
      if (value === undefined || !writes || own.get(key) === value) return attributes;
      return Object.fromEntries(own.set(key, value));
    },
    trace(attributes) {
      const own = attributes.filter(({ name }) => name === key);
      const mayWrite = action !== 'update' || own.length > 0;
      const others = attributes.filter(({ name }) => name !== key);
      if (from === undefined) {
        const written = treated({ name: key, treatments: [] }, 'set by the configuration');
        return [...others, ...(action === 'insert' ? own : []), ...(mayWrite ? [written] : [])];
      }
      const copies = attributes
        .filter(({ name }) => name === from)
        .map((one) => ({
          ...one,
          name: key,
          treatments: [...one.treatments, `copied from ${from}`],
          origins: [...new Set([...(one.origins ?? []), from])],
        }));
      return [...others, ...own, ...(mayWrite ? copies : [])];
    },
  };
}

function namedBy({ key, pattern }: Action): (name: string) => boolean {
  const matches = pattern === undefined ? () => false : linearRegexp(pattern);
  return (name) => name === key || matches(name);
}

function treated(attribute: TracedAttribute, treatment: string): TracedAttribute {
  return { ...attribute, treatments: [...attribute.treatments, treatment], hidden: 'values' };
}
