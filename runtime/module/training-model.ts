import { decodeCheckpoint, encodeCheckpoint } from "../checkpoint.ts";
import type { Session } from "../session.ts";
import type {
  EstimateOptions,
  Evaluation,
  InferOptions,
  StreamOptions,
  TrainOptions,
  TrainReport,
} from "../session-types.ts";
import type { RestoreOptions } from "../state.ts";
import { type Held, Model } from "./model.ts";
import { ModelStream, type StreamArguments } from "./model-stream.ts";
import { type BatchOptions, batchOf } from "./module-batch.ts";
import type { Signature, TrainingBatch } from "./signature.ts";

/** What `train` reports. */
export interface ModelReport<S extends Signature> extends Omit<TrainReport, "metrics"> {
  readonly metrics: S["metrics"];
}

/** What `evaluate` returns. */
export interface ModelEvaluation<S extends Signature> extends Omit<Evaluation, "metrics"> {
  readonly metrics: S["metrics"];
}

/** Any sequence of batches: a list, a generator, or an asynchronous stream. */
type Batches<S extends Signature> = Iterable<TrainingBatch<S>> | AsyncIterable<TrainingBatch<S>>;

/** A model that can also be trained. */
export class TrainingModel<S extends Signature> extends Model<S, Session> {
  readonly #targets: readonly string[];

  constructor(held: Held<Session>) {
    super(held);
    this.#targets = held.targets;
  }

  /** The number of updates so far. */
  get step(): number {
    return this.session.step;
  }

  /** One step: forward, backward, statistics, update. Errors: as `Session.train`. */
  train(batch: TrainingBatch<S>, options: TrainOptions & BatchOptions & { readonly report: false }): Promise<undefined>;
  train(
    batch: TrainingBatch<S>,
    options: TrainOptions & BatchOptions & { readonly report?: true },
  ): Promise<ModelReport<S>>;
  async train(given: TrainingBatch<S>, options: TrainOptions & BatchOptions): Promise<ModelReport<S> | undefined> {
    const { lengths, mask, ...others } = options;
    return this.session.train(batchOf(this.plan, given, [], { lengths, mask }), others);
  }

  /** Estimates population statistics at the current parameters. Targets may be left out. Errors: as `Session.estimate`. */
  estimate(
    batches: Iterable<S["inputs"]> | AsyncIterable<S["inputs"]>,
    options: EstimateOptions = {},
  ): Promise<number> {
    return this.session.estimate(this.#each(batches), options);
  }

  /** Loss and metrics over many batches. Errors: as `Session.evaluate`. */
  evaluate(batches: Batches<S>, options: InferOptions = {}): Promise<ModelEvaluation<S>> {
    return this.session.evaluate(this.#each(batches), options);
  }

  /** Opens a stream, which runs one step at a time. Errors: as `Session.stream`. */
  async stream(...[options = {}]: StreamArguments<S>): Promise<ModelStream<S>> {
    return new ModelStream(await this.session.stream(options as StreamOptions), this.plan);
  }

  /**
   * Continues exactly where the bytes of a checkpoint were saved. Returns the differences in equations, if they are allowed.
   * Errors: C0403, naming what differs (another model), C0404 (damaged), C0407 (another program's).
   */
  loadCheckpoint(bytes: Uint8Array | ArrayBuffer, options: RestoreOptions = {}): Promise<readonly string[]> {
    const view = bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes;
    return this.session.restore(decodeCheckpoint(view), options);
  }

  /** The bytes of a checkpoint: everything that an exact resume needs. */
  async saveCheckpoint(): Promise<Uint8Array<ArrayBuffer>> {
    return encodeCheckpoint(await this.session.state());
  }

  async *#each(batches: Iterable<object> | AsyncIterable<object>) {
    for await (const batch of batches) yield batchOf(this.plan, batch, this.#targets, {});
  }
}
