import type { Backend } from "../backend.ts";
import { RuntimeError } from "../error.ts";
import type { InferenceSession } from "../inference-session.ts";
import { numbersOf, type Shaped } from "../inputs.ts";
import { keptTensors } from "../layout.ts";
import type { Plan } from "../plan.ts";
import type { InferOptions } from "../session-types.ts";
import { type BatchOptions, batchOf, withShapes } from "./module-batch.ts";
import type { InferenceBatch, Signature, Weights } from "./signature.ts";

/** What a model needs of its session. A `Session` has it, too. */
export type Serving = Pick<InferenceSession, "plan" | "infer" | "read" | "write" | "close">;

/** What a model runs on. */
export interface Held<S extends Serving> {
  readonly session: S;
  readonly backend: Backend;
  /** Whether to close the backend with the model. */
  readonly ownsBackend: boolean;
  /** As `Model.reason`. */
  readonly reason: string;
  /** Names of the inputs that only the loss needs. */
  readonly targets: readonly string[];
}

/** What `infer` returns. */
export interface ModelInference<S extends Signature> {
  /** Undefined if the model has no loss or a target was left out. */
  readonly loss: number | undefined;
  readonly metrics: Partial<S["metrics"]>;
  readonly outputs: S["outputs"];
}

/** A cell or model of a generated module, opened: its types say which tensors it takes and gives. */
export abstract class Model<S extends Signature, Session extends Serving = Serving> {
  #held: Held<Session>;

  constructor(held: Held<Session>) {
    this.#held = held;
  }

  /** For what has no types here, such as reading a tensor by any name. */
  get session(): Session {
    return this.#held.session;
  }

  get plan(): Plan {
    return this.#held.session.plan;
  }

  /** Where it runs. */
  get backend(): Backend {
    return this.#held.backend;
  }

  /** Why it runs there: for each backend that was tried before, its name and what it lacks. Empty if it was the first to be tried. */
  get reason(): string {
    return this.#held.reason;
  }

  /** The outputs for inputs, with population statistics. Errors: as `Session.infer`. */
  async forward(inputs: S["inputs"], options: InferOptions & BatchOptions = {}): Promise<S["outputs"]> {
    return (await this.infer(inputs as InferenceBatch<S>, options)).outputs;
  }

  /** The same, with loss and metrics if all targets are given. Errors: as `Session.infer`. */
  async infer(given: InferenceBatch<S>, options: InferOptions & BatchOptions = {}): Promise<ModelInference<S>> {
    const { lengths, mask, ...others } = options;
    const batch = batchOf(this.plan, given, this.#held.targets, { lengths, mask });
    const { loss, metrics, outputs } = await this.session.infer(batch, others);
    return { loss, metrics, outputs: withShapes(this.plan, "infer", "output", outputs) };
  }

  /** All parameters. */
  parameters(): Promise<S["parameters"]> {
    return this.#readAll("param");
  }

  /** All population statistics, a row for each step in front. */
  statistics(): Promise<S["statistics"]> {
    return this.#readAll("stat");
  }

  /** Overwrites parameters and statistics. Errors: C0406 (name, shape). */
  async write(weights: Weights<S>): Promise<void> {
    const kept = new Map(
      keptTensors(this.plan).flatMap(({ name, shape, kind }) => (kind === "slot" ? [] : [[name, shape]])),
    );
    const entries = Object.entries(weights as Readonly<Record<string, Shaped>>).map(([name, given]) => {
      const shape = kept.get(name);
      if (shape !== undefined) return [name, Float32Array.from(numbersOf(name, given, shape))] as const;
      throw new RuntimeError("C0406", `${this.plan.name} has no parameter or statistic \`${name}\``);
    });
    for (const [name, data] of entries) await this.session.write(name, data);
  }

  /** Frees its memory, and closes the backend that it opened. */
  close(): void {
    this.session.close();
    if (this.#held.ownsBackend) this.backend.close();
  }

  /** Swaps sessions with another model, for a development server that has new kernels. Each keeps its backend. */
  exchange(other: Model<S, Session>): void {
    const { ownsBackend } = this.#held;
    const before = { ...this.#held, ownsBackend: other.#held.ownsBackend };
    this.#held = { ...other.#held, ownsBackend };
    other.#held = before;
  }

  async #readAll(kind: "param" | "stat"): Promise<object> {
    const entries: [string, Shaped][] = [];
    for (const { name, shape, kind: found } of keptTensors(this.plan)) {
      if (found === kind) entries.push([name, { data: await this.session.read(name), shape }]);
    }
    return Object.fromEntries(entries);
  }
}
