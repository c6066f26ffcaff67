import type { Batch, OwnBatch } from "./batch.ts";
import { contradictory, ownTensors } from "./check-state.ts";
import { RuntimeError } from "./error.ts";
import { ownBatch, streamRestoreOptions } from "./inference-arguments.ts";
import { numbersOf } from "./inputs.ts";
import type { Plan } from "./plan.ts";
import type { StreamRestoreOptions } from "./session-types.ts";
import { isCount } from "./shown.ts";
import type { SavedTensor } from "./state.ts";

/** Everything that a stream remembers between two steps, as plain data. */
export interface StreamState {
  /** The name of the cell or model. */
  readonly name: string;
  readonly fingerprint: string;
  /** The number of steps so far, which is the index of the next one. */
  readonly step: number;
  /** The draw of noise that the stream continues with. */
  readonly run: number;
  /** By name, [B, …]: `state/h`. */
  readonly tensors: ReadonlyMap<string, SavedTensor>;
}

/** What an entry of a stream takes. */
export interface StreamRun {
  readonly batch: OwnBatch;
  readonly at: number;
  readonly states: ReadonlyMap<string, Float32Array>;
  /** Undefined: a new draw. */
  readonly run: number | undefined;
}

/** What an entry of a stream returns. */
export interface StreamMade {
  readonly run: number;
  readonly states: ReadonlyMap<string, Float32Array>;
  readonly outputs: Readonly<Record<string, Float32Array>>;
}

interface StreamConfig {
  readonly plan: Plan;
  /** Of first states: whatever does not vary over time. */
  readonly inputs?: Batch["inputs"];
  /** Rows of the statistic that has the most. */
  readonly rows: number;
  readonly examples: number;
  readonly warn?: (warning: string) => void;
}

/**
 * Runs sequences one step at a time and keeps the states in between. A stream counts its steps, because each step has its own row of
 * per-step statistics: step t uses row t, and the last row serves all steps after it. A state and its count belong together, and are
 * saved and restored together.
 */
export class Stream {
  readonly #config: StreamConfig;
  readonly #execute: (entry: "start" | "step", run: StreamRun) => Promise<StreamMade>;
  #states: ReadonlyMap<string, Float32Array> = new Map();
  /** What the states begin with. */
  #first: Batch["inputs"] | undefined;
  #step = 0;
  #run = 0;
  #turn: Promise<unknown> = Promise.resolve();

  /** For use by sessions: call `Session.stream` instead. */
  constructor(facts: StreamConfig, execute: (entry: "start" | "step", run: StreamRun) => Promise<StreamMade>) {
    this.#config = facts;
    this.#execute = execute;
  }

  /** The index of the next step. */
  get step(): number {
    return this.#step;
  }

  get examples(): number {
    return this.#config.examples;
  }

  /**
   * Runs one step: takes `inputs` by name, [B, …] each, and returns the outputs, [B, …] each. Calls may overlap; they are carried out
   * one after another. A step that fails leaves the stream as it was. Errors: C0406 (inputs), C0501.
   */
  next(inputs: Batch["inputs"]): Promise<Readonly<Record<string, Float32Array>>> {
    return this.#exclusive(async () => {
      const batch = this.#batch(inputs);
      const { states, outputs } = await this.#execute("step", {
        batch,
        at: this.#step,
        states: this.#states,
        run: this.#run,
      });
      this.#states = states;
      this.#step++;
      return outputs;
    });
  }

  /**
   * Returns to before the first step: the states are initialised again, with fresh noise if it is drawn, and the count is 0. If first
   * states depend on inputs, `inputs` are new ones, [B, …] each; otherwise those of the beginning count again. Errors: C0406 (inputs).
   */
  reset(inputs?: Batch["inputs"]): Promise<void> {
    return this.#exclusive(async () => {
      const first = inputs || !this.#first ? this.#starting(inputs ?? this.#config.inputs ?? {}) : this.#first;
      const made = await this.#execute("start", {
        batch: this.#batch(first),
        at: 0,
        states: new Map(),
        run: undefined,
      });
      this.#first = first;
      this.#states = made.states;
      this.#run = made.run;
      this.#step = 0;
    });
  }

  /** A copy of the inputs of first states: `reset` reads them again. */
  #starting(given: Batch["inputs"]): Batch["inputs"] {
    const { plan } = this.#config;
    const { inputs } = this.#batch(given);
    const tensors = (plan.entries.start?.tensors ?? []).filter(
      ({ region, role }) => region === "input" && (role.kind === "input" || role.kind === "index"),
    );
    const stranger = Object.keys(inputs).find((name) => !tensors.some((tensor) => tensor.name === name));
    if (stranger !== undefined) {
      const takes = tensors.map(({ name }) => `\`${name}\``).join(", ");
      throw new RuntimeError(
        "C0406",
        `the first states of ${plan.name} do not depend on \`${stranger}\``,
        takes === "" ? "pass it to `next`, with each step" : `a stream begins with ${takes}`,
      );
    }
    return Object.fromEntries(
      tensors.map(({ name, shape }) => {
        const input = Object.hasOwn(inputs, name) ? inputs[name] : undefined;
        if (input === null) return [name, null];
        if (input !== undefined) return [name, numbersOf(name, input, shape).slice()];
        const help = `open it with stream({ inputs: { ${name}: … } })`;
        throw new RuntimeError("C0406", `a stream of ${plan.name} begins with \`${name}\` [${shape.join(", ")}]`, help);
      }),
    );
  }

  /** The states and their step, after all calls so far. */
  state(): Promise<StreamState> {
    return this.#exclusive(async () => {
      const { name, fingerprint } = this.#config.plan;
      const tensors = new Map(
        this.#shapes().map(([state, shape]) => [state, { shape, data: this.#states.get(state)!.slice() }]),
      );
      return { name, fingerprint, step: this.#step, run: this.#run, tensors };
    });
  }

  /**
   * Continues where `state` was taken, in this stream or another one of the same model. `at` makes the count continue from another
   * step. The statistics of an earlier step may not fit the state: in the first steps, states hardly differ between examples, and
   * their small variance can scale a later state up to γ/√ε. So setting the count back to an earlier row of statistics warns (W0608).
   * Errors: C0403 (another model), C0404 (a state that contradicts itself or is not finite), C0406 (`at`, or another number of
   * examples).
   */
  restore(state: StreamState, options: StreamRestoreOptions = {}): Promise<void> {
    return this.#exclusive(async () => {
      const { plan, rows, examples, warn = console.warn } = this.#config;
      const tensors = ownTensors(state);
      const { name, fingerprint, step, run } = state;
      if (fingerprint !== plan.fingerprint || name !== plan.name)
        throw new RuntimeError(
          "C0403",
          `the state of a stream of ${name} does not fit ${plan.name}: it is of other equations or dimensions`,
        );
      if (!isCount(step) || !isCount(run)) throw contradictory("its step and its run are not whole numbers");
      const { at = step } = streamRestoreOptions(options ?? {});
      const wrong = this.#shapes().find(([name, shape]) => state.tensors.get(name)?.shape.join() !== shape.join());
      if (wrong !== undefined) {
        const [name, shape] = wrong;
        const found = state.tensors.get(name)?.shape.join(", ");
        const what = found === undefined ? `lacks \`${name}\`` : `has \`${name}\` [${found}]`;
        throw new RuntimeError(
          "C0406",
          `a stream of ${examples} examples keeps \`${name}\` [${shape.join(", ")}], and the state ${what}`,
          "save and restore streams of as many examples",
        );
      }
      const row = (at: number): number => Math.min(at, rows - 1);
      if (rows > 1 && row(at) < row(step)) {
        warn(
          `warning[W0608]: ${plan.name} normalizes each step by its own statistics, and a state after step ${step} continues as if before step ${at}; restore it without \`at\`, or reset the stream`,
        );
      }
      this.#states = new Map(this.#shapes().map(([state]) => [state, tensors.get(state)!]));
      this.#step = at;
      this.#run = run;
    });
  }

  #batch(inputs: Batch["inputs"]): OwnBatch {
    return ownBatch({ inputs, steps: 1, examples: this.#config.examples }, this.#config.plan);
  }

  #shapes(): readonly (readonly [string, readonly number[]])[] {
    const tensors = this.#config.plan.entries.start?.tensors ?? [];
    return tensors.flatMap(({ name, role, shape }) => (role.kind === "state" ? [[name, shape] as const] : []));
  }

  /** Runs one call at a time: each step needs the states of the one before. */
  #exclusive<R>(act: () => Promise<R>): Promise<R> {
    const result = this.#turn.then(act);
    this.#turn = result.catch(() => {});
    return result;
  }
}
