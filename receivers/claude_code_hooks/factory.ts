import type { ReceiverFactory } from '../../src/component.ts';
import { serverProblems } from '../../src/http/server-problems.ts';
import { schema, tailConfig, type Config, type TailConfig } from './config.ts';

/** Stands for the token that is asked for where no authenticator is named. */
const OWN_TOKEN = { authenticator: 'own_token' };

/** Takes events in over HTTP, and leaves it to `tail` to read what they have become: the two share nothing but the tables. */
export function claudeCodeHooksReceiver(tail: ReceiverFactory<TailConfig>): ReceiverFactory<Config> {
  return {
    type: 'claude_code_hooks',
    kind: 'receiver',
    signals: ['metrics', 'traces', 'logs'],
    summary: "Takes in the events of coding agents' hooks over HTTP, and tails the database that they are written to.",
    schema,

    async check(config) {
      return [
        ...serverProblems({ ...config, auth: config.auth ?? OWN_TOKEN }),
        ...((await tail.check?.(tailConfig(config))) ?? []),
      ];
    },

    async create(config, settings) {
      const reading = await tail.create(tailConfig(config), settings);
      // One takes in for all: the others only read what there is.
      if (settings.first === false) return reading;
      const { HooksReceiver } = await import('./receiver.ts');
      const server = { ...config, auth: config.auth ?? OWN_TOKEN };
      return new HooksReceiver(config, server, settings, reading);
    },
  };
}
