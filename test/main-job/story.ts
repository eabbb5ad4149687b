import { createAgentWorkflow, HookLogger, type SchemaOptions } from '../fixtures/agent-workflow.ts';
import { History } from '../oracle/history.ts';
import { Clock, Collector, Workspace, ZONE } from './harness.ts';

/** A logger, a running collector and a history that looks whenever the collector has to have seen everything. */
export class Story {
  readonly clock = new Clock();
  readonly history = new History(ZONE);
  readonly logger: HookLogger;
  readonly database: string;
  readonly storage: string;
  readonly #workspace: Workspace;
  #collector: Collector | undefined;
  #markers = 0;

  private constructor(workspace: Workspace, schema: SchemaOptions) {
    this.#workspace = workspace;
    this.database = workspace.file('agent_workflow.db');
    this.storage = workspace.file('state');
    this.logger = new HookLogger(createAgentWorkflow(this.database, schema), ZONE);
  }

  static async begin(schema: SchemaOptions = {}): Promise<Story> {
    const story = new Story(new Workspace(), schema);
    story.history.look(story.database, story.clock.nowMs);
    await story.start();
    return story;
  }

  get collector(): Collector {
    if (this.#collector === undefined) throw new Error('the collector is not running');
    return this.#collector;
  }

  async start(): Promise<void> {
    this.#collector = await Collector.start(this.database, { clock: this.clock, storage: this.storage });
  }

  async stop(): Promise<void> {
    await this.#collector?.stop();
    this.#collector = undefined;
  }

  /** What is published now, or within seconds, is what the history says. */
  async holds(): Promise<void> {
    this.history.look(this.database, this.clock.nowMs);
    await this.collector.equals(this.history.samples());
  }

  /** The same after one more whole cycle: what is due at this moment, and wrong, would show with the row that is written. */
  async cycle(): Promise<void> {
    this.#markers += 1;
    this.logger.invocationStart({ session: null, agent: `marker-${this.#markers}`, at: this.clock.nowMs });
    await this.holds();
  }

  /** Two cycles later, not only at once: a row counted twice would show in the second. */
  async keepsHolding(): Promise<void> {
    await this.holds();
    await this.cycle();
    await this.cycle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.logger.close();
    this.#workspace[Symbol.dispose]();
  }
}
