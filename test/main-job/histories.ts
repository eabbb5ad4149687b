import fc from 'fast-check';
import { HOUR, MINUTE } from './harness.ts';
import { Story } from './story.ts';

/** One thing that happens; numbers pick among what is there, so that any list of steps makes sense. */
type Step =
  | { readonly do: 'sessionStart' | 'stop'; readonly session: number }
  | { readonly do: 'invocationStart' | 'toolStart'; readonly session: number; readonly agent: number }
  | {
      readonly do: 'invocationEnd' | 'toolEnd';
      readonly pick: number;
      readonly failed: boolean;
      readonly seconds: number | null;
    }
  | { readonly do: 'delete'; readonly pick: number }
  | { readonly do: 'wait'; readonly minutes: number }
  | { readonly do: 'restart' };

const AGENTS = ['architect', 'task-planner', 'direct', null];

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('sessionStart' as const, 'stop' as const), session: fc.nat(2) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('invocationStart' as const, 'toolStart' as const),
      session: fc.nat(2),
      agent: fc.nat(AGENTS.length - 1),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('invocationEnd' as const, 'toolEnd' as const),
      pick: fc.nat(9),
      failed: fc.boolean(),
      seconds: fc.option(fc.double({ min: 0, max: 9000, noNaN: true })),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), pick: fc.nat(9) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      minutes: fc.constantFrom(1, 29, 31, 12 * 60, 25 * 60),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
);

async function perform(story: Story, one: Step, invocations: number[], tools: number[]): Promise<void> {
  const { logger, clock } = story;
  const at = clock.nowMs;
  switch (one.do) {
    case 'sessionStart': {
      logger.sessionStart(`session-${one.session}`, at);
      return;
    }
    case 'stop': {
      logger.stop(`session-${one.session}`, at);
      return;
    }
    case 'invocationStart':
      invocations.push(logger.invocationStart({ session: `session-${one.session}`, agent: AGENTS[one.agent]!, at }));
      return;
    case 'toolStart':
      tools.push(logger.toolStart({ session: `session-${one.session}`, agent: AGENTS[one.agent]!, tool: 'Read', at }));
      return;
    case 'invocationEnd':
    case 'toolEnd': {
      const ids = one.do === 'toolEnd' ? tools : invocations;
      const id = ids[one.pick % Math.max(ids.length, 1)];
      if (id === undefined) return;
      const end = { at, durationSeconds: one.seconds, status: one.failed ? 'error' : 'completed' };
      if (one.do === 'toolEnd') logger.toolEnd(id, end);
      else logger.invocationEnd(id, { ...end, rawOutput: '{"usage":{"input_tokens":1}}' });
      return;
    }
    case 'delete': {
      const id = invocations[one.pick % Math.max(invocations.length, 1)];
      if (id !== undefined) logger.db.prepare('DELETE FROM agent_invocations WHERE id = ?').run(id);
      return;
    }
    case 'wait': {
      clock.advance(one.minutes * MINUTE + 1000);
      return;
    }
    case 'restart':
      await story.stop();
      await story.start();
  }
}

async function commitAndHold(story: Story): Promise<void> {
  story.logger.db.exec('COMMIT');
  await story.holds();
}

/** Any list of chapters, followed live and by its replay; `numRuns` of them. */
export async function checkHistories(numRuns: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(step, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 6 }),
      async (chapters) => {
        await using story = await Story.begin();
        const invocations: number[] = [];
        const tools: number[] = [];
        for (const chapter of chapters) {
          // One commit a chapter: the collector must not see a moment that the history does not.
          story.logger.db.exec('BEGIN');
          for (const one of chapter) {
            const passes = one.do === 'wait' || one.do === 'restart';
            if (passes) await commitAndHold(story);
            await perform(story, one, invocations, tools);
            if (passes) story.logger.db.exec('BEGIN');
          }
          await commitAndHold(story);
        }
        await story.keepsHolding();
        story.clock.advance(25 * HOUR);
        await story.keepsHolding();
      },
    ),
    { numRuns },
  );
}
