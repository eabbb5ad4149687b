import type { Failure, Logger, StorageExtension } from '../component.ts';
import { ConfigError } from '../errors.ts';
import { State } from '../state/state.ts';
import { childLogger } from '../telemetry/logger.ts';
import { placed, type Built, type LanePlan, type MetricsLanePlan, type RecordsLanePlan } from './assembly.ts';
import { ExportLane } from './export-lane.ts';
import { Lane } from './lane.ts';
import { LaneShare } from './lane-share.ts';
import { resourceOf } from './resource.ts';

export interface ComponentFailure extends Failure {
  /** Its id in the configuration. */
  readonly component: string;
  /** The reader of a receiver; absent where it is not about one. */
  readonly reader?: string;
}

export interface LanesOptions {
  readonly logger: Logger;
  readonly now: () => number;
  /** A state cannot be written or read any more. */
  readonly onFailure: () => void;
}

export type RunningLane =
  | { readonly plan: MetricsLanePlan; readonly lane: Lane; readonly share: LaneShare }
  | { readonly plan: RecordsLanePlan; readonly lane: ExportLane; readonly share?: undefined };

/** The lanes that run, and the states that they are kept in: one for each storage. */
export class Lanes {
  readonly #options: LanesOptions;
  readonly #states = new Map<StorageExtension | undefined, { readonly id: string; readonly state: State }>();
  #running: readonly RunningLane[] = [];

  constructor(options: LanesOptions) {
    this.#options = options;
  }

  get running(): readonly RunningLane[] {
    return this.#running;
  }

  get failures(): readonly ComponentFailure[] {
    const ofLanes = this.#running.flatMap(({ plan, lane }) =>
      lane.failures.map((failure) => ({ component: plan.receiver.configured.id, ...failure })),
    );
    return [...ofLanes, ...this.stateFailures];
  }

  get stateFailures(): readonly ComponentFailure[] {
    return [...this.#states.values()].flatMap(({ id, state }) =>
      state.failure === undefined ? [] : [{ component: id, reason: 'state', ...state.failure }],
    );
  }

  /** Opens the states of these storages, as far as they are not open. Throws ConfigError with its place. */
  openStates(plans: readonly LanePlan[], extensions: readonly Built[]): void {
    for (const { storage } of plans) {
      if (this.#states.has(storage)) continue;
      const owner = extensions.find(({ instance }) => instance === storage);
      const id = owner?.configured.id ?? 'state';
      const { logger, now, onFailure } = this.#options;
      try {
        this.#states.set(storage, {
          id,
          state: new State({ storage, logger: childLogger(logger, id), now, onFailure }),
        });
      } catch (error) {
        if (owner === undefined || !(error instanceof ConfigError)) throw error;
        throw new ConfigError(placed(owner.configured, error), { cause: error });
      }
    }
  }

  /**
   * Runs the lanes of these plans, whose states are open, and no others. A lane that is not among them stops after its
   * page, and what it has read is committed. One that has its receiver and pipeline takes over what it shows; what nobody
   * takes over is gone. Synchronous: nobody sees a half of it.
   */
  run(plans: readonly LanePlan[]): void {
    const leaving = this.#running.filter(({ plan }) => !plans.includes(plan));
    for (const { lane } of leaving) {
      if (lane instanceof ExportLane) lane.detach();
      else lane.stop();
    }
    for (const { state } of this.#states.values()) state.commit();
    const taken = new Set<RunningLane>();
    const arriving = plans
      .filter((plan) => this.#running.every((running) => running.plan !== plan))
      .map((plan): RunningLane => {
        if (plan.signal !== 'metrics') return { plan, lane: this.#createExport(plan) };
        const former = leaving.find((other) => !taken.has(other) && succeeds(plan, other.plan));
        if (former !== undefined) taken.add(former);
        return this.#create(plan, former?.share);
      });
    const staying = this.#running.filter((running) => !leaving.includes(running));
    // Every lane is known to its pipeline before the first one could make it ready.
    this.#running = [...staying, ...arriving];
    for (const { share } of leaving) share?.retire();
    try {
      for (const { lane } of arriving) lane.start();
    } finally {
      for (const running of leaving) {
        const { plan, lane, share } = running;
        this.#states.get(plan.storage)?.state.leave(lane);
        // What a pipeline showed that is gone as a whole stays for exporters that wait for what comes instead.
        const goesOn = plans.some((other) => other.pipeline === plan.pipeline);
        if (goesOn && !taken.has(running)) share?.withdraw();
      }
      this.#closeUnusedStates();
    }
  }

  /** Stops every lane, with what was read committed, and what is on its way, where it arrives within that time. */
  async close(patienceMs: number): Promise<void> {
    const stopped = this.#running.map(async ({ lane }) => lane.stop());
    let timer: NodeJS.Timeout | undefined;
    // An endpoint that hangs must not keep what was committed open, nor the process from ending.
    const late = new Promise((resolve) => (timer = setTimeout(resolve, patienceMs)));
    await Promise.race([Promise.all(stopped), late]);
    clearTimeout(timer);
    for (const { state } of this.#states.values()) state.close();
  }

  #create(plan: MetricsLanePlan, former: LaneShare | undefined): RunningLane {
    const share = new LaneShare(plan.store, former);
    const { processorsDigest } = plan;
    return { plan, lane: new Lane({ ...this.#partsOf(plan), processorsDigest, store: share }), share };
  }

  #createExport(plan: RecordsLanePlan): ExportLane {
    const { configured, instance } = plan.exporter;
    const resource = resourceOf(plan.processors.map((processor) => processor.instance));
    const parts = this.#partsOf(plan);
    const logger = childLogger(parts.logger, configured.id);
    return new ExportLane({ ...parts, exporterId: configured.id, exporter: instance, resource, logger });
  }

  #partsOf({ pipeline, receiver, processors, storage }: LanePlan) {
    const state = this.#states.get(storage)?.state;
    if (state === undefined) throw new Error(`the state of ${receiver.configured.id} is not open`);
    return {
      pipeline,
      receiverId: receiver.configured.id,
      receiver: receiver.instance,
      processors: processors.map(({ instance }) => instance),
      state,
      logger: childLogger(this.#options.logger, receiver.configured.id),
      now: this.#options.now,
    };
  }

  #closeUnusedStates(): void {
    for (const [storage, { state }] of this.#states) {
      if (this.#running.some(({ plan }) => plan.storage === storage)) continue;
      state.close();
      this.#states.delete(storage);
    }
  }
}

function succeeds(plan: MetricsLanePlan, former: LanePlan): boolean {
  return plan.pipeline === former.pipeline && plan.receiver.configured.id === former.receiver.configured.id;
}
