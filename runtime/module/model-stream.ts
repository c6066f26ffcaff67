import { openStream } from "../inference.ts";
import type { InferenceSession } from "../inference-session.ts";
import type { Input } from "../inputs.ts";
import type { Plan } from "../plan.ts";
import type { StreamOptions, StreamResetOptions, StreamRestoreOptions } from "../session-types.ts";
import type { Stream, StreamState } from "../stream.ts";
import { withShapes } from "./module-batch.ts";
import type { Signature } from "./signature.ts";

/** A stream of a generated module: `Stream` with types. */
export class ModelStream<S extends Signature> {
  readonly #stream: Stream;
  readonly #plan: Plan;

  /** For use by models: call `stream` of one instead. */
  constructor(stream: Stream, plan: Plan) {
    this.#stream = stream;
    this.#plan = plan;
  }

  /** The index of the next step. */
  get step(): number {
    return this.#stream.step;
  }

  /** Runs one step. Errors: as `Stream.next`. */
  async next(inputs: S["stepInputs"]): Promise<S["stepOutputs"]> {
    const outputs = await this.#stream.next({ ...inputs } as Readonly<Record<string, Input>>);
    return withShapes(this.#plan, "step", "output", outputs);
  }

  /** Runs one step at once, without an allocation. Errors: as `Stream.nextSync`. */
  nextSync(
    inputs: S["stepInputs"],
    into?: Readonly<Record<string, Float32Array>>,
  ): Readonly<Record<string, Float32Array>> {
    return this.#stream.nextSync(inputs as Readonly<Record<string, Input>>, into);
  }

  /** The states before the next step. */
  async states(): Promise<S["states"]> {
    const { tensors } = await this.#stream.state();
    return Object.fromEntries([...tensors].map(([name, saved]) => [name.slice(name.indexOf("/") + 1), saved]));
  }

  /** Everything that `restore` needs, as plain data. */
  state(): Promise<StreamState> {
    return this.#stream.state();
  }

  /** As `Stream.restore`. */
  restore(state: StreamState, options: StreamRestoreOptions = {}): Promise<void> {
    return this.#stream.restore(state, options);
  }

  /**
   * Returns to before the first step. `inputs`: new ones of the first states. With `examples`, only these begin anew, and the inputs are
   * theirs alone: [1, …] for one example. Errors: as `Stream.reset`.
   */
  reset(inputs?: S["firstInputs"]): Promise<void>;
  reset(inputs: OfSome<S["firstInputs"]> | undefined, options: StreamResetOptions): Promise<void>;
  reset(inputs?: object, options: StreamResetOptions = {}): Promise<void> {
    return this.#stream.reset(inputs && ({ ...inputs } as Readonly<Record<string, Input>>), options);
  }
}

/** Inputs of first states, of some examples. */
export type OfSome<Inputs> = { readonly [Name in keyof Inputs]?: Input };

/** What opens a stream: its inputs must be given if first states depend on any. */
export type StreamArguments<S extends Signature> = keyof S["firstInputs"] extends never
  ? readonly [options?: StreamOptions]
  : readonly [options: Omit<StreamOptions, "inputs"> & { readonly inputs: S["firstInputs"] }];

/** How a module opens streams of a session. */
export type OpenModelStream<Held> = <S extends Signature>(
  held: Held,
  options: StreamOptions,
) => Promise<ModelStream<S>>;

/** Opens streams of a model that only infers. A generated module refers to it if it has the entry `step`. */
export const inferenceStream: OpenModelStream<InferenceSession> = async (session, options) =>
  new ModelStream(await openStream(session.holder, options), session.plan);
