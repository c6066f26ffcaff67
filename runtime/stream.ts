import type { Batch, OwnBatch } from "./batch.ts";
import { contradictory, ownTensors } from "./check-state.ts";
import type { DirectStep } from "./direct-step.ts";
import { RuntimeError } from "./error.ts";
import { isGiven, ownBatch, streamResetOptions, streamRestoreOptions } from "./inference-arguments.ts";
import { numbersOf } from "./inputs.ts";
import { elementsOf } from "./layout.ts";
import { ownPlaces } from "./places.ts";
import type { Plan, Tensor } from "./plan.ts";
import type { StreamOptions, StreamResetOptions, StreamRestoreOptions } from "./session-types.ts";
import { isCount, isRecord } from "./shown.ts";
import type { SavedTensor } from "./state.ts";
import { rowOfStep } from "./statistics.ts";
import { Turns } from "./turns.ts";

/** Everything that a stream remembers between two steps, as plain data. */
export interface StreamState {
  /** The name of the cell or model. */
  readonly name: string;
  readonly fingerprint: string;
  /** The number of steps so far, which is the index of the next one. */
  readonly step: number;
  /** The step at which each example's sequence began, if not all began at 0. */
  readonly began?: readonly number[];
  /** The draw of noise that the stream continues with. */
  readonly run: number;
  /** By name, [B, …]: `state/h`. */
  readonly tensors: ReadonlyMap<string, SavedTensor>;
}

/** What an entry of a stream takes. */
export interface StreamRun {
  readonly batch: OwnBatch;
  readonly at: number;
  /** The step at which each example's sequence began. */
  readonly began: readonly number[];
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

/** Where a stream is, and what it is given for its next step. */
export interface StreamNow {
  readonly plan: Plan;
  /** Rows of the statistic that has the most. */
  readonly rows: number;
  readonly step: number;
  readonly began: readonly number[];
  readonly states: ReadonlyMap<string, Float32Array>;
  readonly batch: OwnBatch;
}

/** Where a stream is after a step. */
export interface StreamThen extends Omit<StreamMade, "run"> {
  readonly step: number;
  readonly began: readonly number[];
}

interface StreamConfig {
  readonly plan: Plan;
  /** Of first states: whatever does not vary over time. */
  readonly inputs?: Batch["inputs"];
  /** Rows of the statistic that has the most. */
  readonly rows: number;
  readonly examples: number;
  /** How a step runs at once, where it can. */
  readonly direct?: DirectStep;
  /** The calls of the session. */
  readonly turns: Turns;
  readonly warn?: (warning: string) => void;
  readonly missing?: StreamOptions["missing"];
}

/**
 * Runs sequences one step at a time and keeps the states in between. A stream counts its steps, because each step has its own row of
 * per-step statistics: step t uses row t, and the last row serves all steps after it. A state and its count belong together, and are
 * saved and restored together.
 */
export class Stream {
  readonly #config: StreamConfig;
  readonly #execute: (entry: "start" | "step", run: StreamRun) => Promise<StreamMade>;
  #kept: ReadonlyMap<string, Float32Array> = new Map();
  /** Whether the states are with `direct`, rather than in `#kept`. */
  #isDirect = false;
  /** The outputs of `nextSync`, if nothing else is asked for. */
  #own: Readonly<Record<string, Float32Array>> | undefined;
  /** Calls that run or wait. */
  readonly #turns = new Turns();
  /** What the states begin with. */
  #first: Batch["inputs"] | undefined;
  #step = 0;
  /** The step at which each example's sequence began. */
  #began: readonly number[];
  #run = 0;

  /** For use by sessions: call `Session.stream` instead. */
  constructor(facts: StreamConfig, execute: (entry: "start" | "step", run: StreamRun) => Promise<StreamMade>) {
    this.#config = facts;
    this.#execute = execute;
    this.#began = this.#all(0);
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
   * one after another. A step that fails leaves the stream as it was. Where readings may be missing, an example that lacks one has no
   * step: it stays as it was, and its outputs are NaN. Errors: C0406 (inputs), C0501.
   */
  next(inputs: Batch["inputs"]): Promise<Readonly<Record<string, Float32Array>>> {
    return this.#turns.take(async () => {
      const { plan, rows, missing, direct, turns } = this.#config;
      if (direct !== undefined) {
        const made = await turns.take(async () => {
          if (!direct.isFastest) return undefined;
          const into = direct.room();
          this.#runDirect(direct, inputs, into);
          return into;
        }, direct);
        if (made !== undefined) return made;
      }
      const batch = this.#batch(inputs);
      const now = { step: this.#step, began: this.#began, states: this.#states };
      const act = (batch: OwnBatch): Promise<StreamMade> =>
        this.#execute("step", { batch, ...now, at: now.step, run: this.#run });
      const { step, began, states, outputs } = missing
        ? await missing({ ...now, plan, rows, batch }, act)
        : { ...(await act(batch)), step: now.step + 1, began: now.began };
      this.#states = states;
      this.#step = step;
      this.#began = began;
      return outputs;
    });
  }

  /**
   * Runs one step at once and returns its outputs, on a backend that runs on the calling thread (WebAssembly): for audio, control and
   * whatever else must not wait. It allocates nothing: outputs are written to `into`, which has an array for each output by its name, or
   * to arrays of the stream that the next call overwrites. Errors: as `next`; C0406 where a step cannot run at once, or not now.
   */
  nextSync(
    inputs: Batch["inputs"],
    into?: Readonly<Record<string, Float32Array>>,
  ): Readonly<Record<string, Float32Array>> {
    const { direct, turns, plan } = this.#config;
    if (direct === undefined) throw notAtOnce(plan, "a step reads more than inputs and states, or may lack readings");
    const { isPossible } = direct;
    if (!turns.idle || !this.#turns.idle) throw notAtOnce(plan, "another call is not done yet", "await it first");
    if (!isPossible)
      throw notAtOnce(plan, "the backend, or news of parameters and statistics, must be waited for", "await `next`");
    const own = this.#own ?? direct.room();
    this.#own = own;
    const outputs = into ?? own;
    if (into !== undefined) requireRoom(plan, into, own);
    this.#runDirect(direct, inputs, outputs);
    return outputs;
  }

  #runDirect(direct: DirectStep, inputs: Batch["inputs"], into: Readonly<Record<string, Float32Array>>): void {
    if (!isRecord(inputs)) ownBatch({ inputs, steps: 1, examples: this.examples }, this.#config.plan);
    if (!this.#isDirect) direct.put(this.#kept);
    this.#isDirect = true;
    direct.run(inputs, rowOfStep(this.#config.rows, this.#step), into);
    this.#step++;
  }

  /** The states, by name. */
  get #states(): ReadonlyMap<string, Float32Array> {
    return this.#isDirect ? this.#config.direct!.states : this.#kept;
  }

  set #states(states: ReadonlyMap<string, Float32Array>) {
    this.#kept = states;
    this.#isDirect = false;
  }

  /**
   * Returns to before the first step: the states are initialised again, with fresh noise if it is drawn, and the count is 0. If first
   * states depend on inputs, `inputs` are new ones, [B, …] each; otherwise those of the beginning count again.
   *
   * With `examples`, only these begin anew, each with a new sequence, and the others go on. `inputs` are then theirs alone, in the same
   * order: [1, …] for one example. Refused where statistics are kept per step: row t serves all examples at step t. Errors: C0406.
   */
  reset(inputs?: Batch["inputs"], options: StreamResetOptions = {}): Promise<void> {
    return this.#turns.take(async () => {
      const { examples } = streamResetOptions(options ?? {});
      const places = examples === undefined ? undefined : ownPlaces(examples, this.examples, "stream");
      if (places?.length === 0) return;
      const isPart = places !== undefined && new Set(places).size < this.examples;
      if (isPart && this.#step > 0) this.#requireOwn();
      const first = this.#firstInputs(inputs, places);
      const made = await this.#execute("start", {
        batch: this.#batch(first),
        ...{ at: 0, began: this.#all(0) },
        states: new Map(),
        run: undefined,
      });
      this.#first = first;
      if (isPart) {
        this.#states = new Map(
          [...this.#states].map(([name, old]) => [name, withRows(old, made.states.get(name)!, places, this.examples)]),
        );
        this.#began = this.#began.map((step, example) => (places.includes(example) ? this.#step : step));
        return;
      }
      this.#states = made.states;
      this.#run = made.run;
      this.#step = 0;
      this.#began = this.#all(0);
    });
  }

  #all(step: number): readonly number[] {
    return new Array<number>(this.examples).fill(step);
  }

  /** Throws if something at the next step is the same for all examples, so that a sequence which begins there would not have its own. */
  #requireOwn(): void {
    const { name, entries } = this.#config.plan;
    const tensors = [entries.start, entries.step].flatMap((entry) => entry?.tensors ?? []);
    const row = tensors.find(({ role }) => role.kind === "stat" && role.steps > 1);
    const common = tensors.find(({ role, batch }) => role.kind === "state" && !batch);
    if (row !== undefined)
      throw new RuntimeError(
        "C0406",
        `${name} has statistics for each step, \`${row.name}\`, and one count of steps for all examples, which is ${this.#step}`,
        "keep one set for all steps, with `stats = shared` at its norm, or open a stream for each sequence",
      );
    if (common === undefined) return;
    throw new RuntimeError(
      "C0406",
      `all examples of a stream of ${name} share \`${common.name}\`, which cannot begin anew for some of them`,
      "open a stream for each sequence",
    );
  }

  /** What first states are made of, of all examples; `inputs` are those of `places`, or of all. */
  #firstInputs(inputs: Batch["inputs"] | undefined, places: readonly number[] | undefined): Batch["inputs"] {
    const { inputs: opened = {} } = this.#config;
    const old = this.#first;
    // An example that begins with no input of its own begins with the one that it has.
    const none = inputs === undefined || (places !== undefined && isRecord(inputs) && Object.keys(inputs).length === 0);
    if (old === undefined || places === undefined) return none && old ? old : this.#starting(inputs ?? opened);
    if (none) return old;
    const given = this.#starting(inputs, places.length);
    return Object.fromEntries(
      Object.entries(given).map(([name, rows]) => {
        if (rows === null) return [name, old[name]];
        const { shape } = this.#tensorsOfStart().find((tensor) => tensor.name === name)!;
        const all = (old[name] ?? new Float32Array(elementsOf(shape))) as Float32Array;
        const width = all.length / this.examples;
        const next = all.slice();
        places.forEach((place, i) => {
          next.set((rows as Float32Array).subarray(i * width, (i + 1) * width), place * width);
        });
        return [name, next];
      }),
    );
  }

  /** The inputs that first states depend on. */
  #tensorsOfStart(): readonly Tensor[] {
    return (this.#config.plan.entries.start?.tensors ?? []).filter(
      (tensor) => tensor.region === "input" && isGiven(tensor),
    );
  }

  /** A copy of the inputs of the first states of so many examples: `reset` reads them again. */
  #starting(given: Batch["inputs"], examples = this.examples): Batch["inputs"] {
    const { plan } = this.#config;
    const { inputs } = this.#batch(given);
    const tensors = this.#tensorsOfStart();
    const stranger = Object.keys(inputs).find((name) => !tensors.some((tensor) => tensor.name === name));
    if (stranger !== undefined) {
      const takes = tensors.map(({ name }) => `\`${name}\``).join(", ");
      throw new RuntimeError(
        "C0406",
        `the first states of ${plan.name} do not depend on \`${stranger}\``,
        stranger === "examples"
          ? "some examples begin anew by the second argument: reset({}, { examples: [1] })"
          : takes === ""
            ? "pass it to `next`, with each step"
            : `a stream begins with ${takes}`,
      );
    }
    return Object.fromEntries(
      tensors.map(({ name, shape: [, ...features] }) => {
        const shape = [examples, ...features];
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
    return this.#turns.take(async () => {
      const { name, fingerprint } = this.#config.plan;
      const tensors = new Map(
        this.#shapes().map(([state, shape]) => [state, { shape, data: this.#states.get(state)!.slice() }]),
      );
      const began = this.#began.some((step) => step > 0) && { began: this.#began };
      return { name, fingerprint, step: this.#step, ...began, run: this.#run, tensors };
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
    return this.#turns.take(async () => {
      const { plan, rows, examples, warn = console.warn } = this.#config;
      const tensors = ownTensors(state);
      const { name, fingerprint, step, began, run } = state;
      if (fingerprint !== plan.fingerprint || name !== plan.name)
        throw new RuntimeError(
          "C0403",
          `the state of a stream of ${name} does not fit ${plan.name}: it is of other equations or dimensions`,
        );
      if (!isCount(step) || !isCount(run)) throw contradictory("its step and its run are not whole numbers");
      if (began !== undefined && !areSteps(began, step)) throw contradictory("its examples did not begin at its steps");
      const { at = step } = streamRestoreOptions(options ?? {});
      if (began !== undefined && began.length !== examples)
        throw contradictory(`it is of ${began.length} examples, and the stream has ${examples}`);
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
      this.#began = began !== undefined && at === step ? [...began] : this.#all(0);
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
}

const notAtOnce = ({ name }: Plan, why: string, help = "use `next`, which waits"): RuntimeError =>
  new RuntimeError("C0406", `a step of ${name} cannot run at once: ${why}`, help);

/** Errors: C0406, unless `into` has an array for each output that is as long as `wanted`. */
function requireRoom(
  { name }: Plan,
  into: Readonly<Record<string, Float32Array>>,
  wanted: Readonly<Record<string, Float32Array>>,
): void {
  for (const output in wanted) {
    const given: unknown = into[output];
    const { length } = wanted[output];
    if (given instanceof Float32Array && given.length === length) continue;
    const message = `${name} writes the output \`${output}\` to a Float32Array of ${length} numbers`;
    throw new RuntimeError("C0406", message, "leave the second argument out, or pass { name: array }");
  }
}

const areSteps = (given: unknown, upTo: number): boolean =>
  Array.isArray(given) && given.every((step) => isCount(step) && step <= upTo);

/** `old` [examples, …], with the rows of `next` at `places`. */
function withRows(old: Float32Array, next: Float32Array, places: readonly number[], examples: number): Float32Array {
  const made = old.slice();
  const width = old.length / examples;
  for (const place of places) made.set(next.subarray(place * width, (place + 1) * width), place * width);
  return made;
}
