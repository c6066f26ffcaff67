/**
 * A stream's step where the host can see the machine's memory: inputs are written to where the step reads them, states stay where they
 * are, and nothing is allocated.
 */
import type { Batch } from "./batch.ts";
import type { Holder } from "./inference.ts";
import { ownBatch } from "./inference-arguments.ts";
import { numbersOf, type Placement, placeInput } from "./inputs.ts";
import { elementsOf, rangeOf, shapeOf, whole } from "./layout.ts";
import type { Entry, Plan, Tensor } from "./plan.ts";
import { missingInput, type Runner } from "./runner.ts";
import type { Resident } from "./turns.ts";

/** A state: where a step reads it, and where it writes the next one. */
interface State {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly length: number;
}

interface Output {
  readonly name: string;
  readonly at: number;
  readonly length: number;
}

export class DirectStep implements Resident {
  readonly #holder: Holder;
  readonly #examples: number;
  readonly #inputs: readonly Placement[];
  readonly #states: readonly State[];
  readonly #outputs: readonly Output[];
  /** What a runner has run after a step. */
  readonly #last: Runner["last"];
  /** States that the next step begins with and that are not in the machine's memory. */
  #given: ReadonlyMap<string, Float32Array> | undefined;
  /** What the last step ran on. */
  #runner: Runner | undefined;
  /** Whether the next step's states stand where the last one wrote them. */
  #made = false;

  /** Undefined where a step reads something else than inputs and states. */
  static of(holder: Holder, plan: Plan, examples: number): DirectStep | undefined {
    const entry = plan.entries.step;
    const fed = entry?.tensors.filter(({ region }) => region === "input") ?? [];
    const isKnown = ({ role: { kind } }: Tensor): boolean => kind === "input" || kind === "index" || kind === "state";
    return entry && fed.every(isKnown) ? new DirectStep(holder, plan, entry, examples) : undefined;
  }

  private constructor(holder: Holder, plan: Plan, entry: Entry, examples: number) {
    this.#holder = holder;
    this.#examples = examples;
    this.#last = { entry, batch: ownBatch({ inputs: {}, steps: 1, examples }, plan) };
    const { tensors } = entry;
    const offset = (tensor: Tensor): number => rangeOf(tensor, entry, 1).offset;
    this.#inputs = tensors.flatMap((tensor): readonly Placement[] => {
      const { name, role } = tensor;
      if (role.kind !== "input" && role.kind !== "index") return [];
      const shape = shapeOf(tensor, 1);
      const range = whole("input", offset(tensor), elementsOf(shape));
      const target = role.kind === "input" && role.target === true;
      return [{ name, shape, range, size: role.kind === "index" ? role.size : undefined, target, own: undefined }];
    });
    const made = tensors.filter(({ region, role }) => role.kind === "state" && region === "work");
    this.#states = made.map((to): State => {
      const from = tensors.find(({ name, region }) => name === to.name && region === "input");
      return { name: to.name, from: from ? offset(from) : -1, to: offset(to), length: elementsOf(to.shape) };
    });
    this.#outputs = tensors.flatMap((tensor): readonly Output[] => {
      const at = offset(tensor);
      const length = elementsOf(shapeOf(tensor, 1));
      return tensor.role.kind === "output" ? [{ name: tensor.name, at, length }] : [];
    });
  }

  /** The runner, if a step can run on it as it is: parameters and statistics are the newest, and its memory can be seen. */
  #ready(): Runner | undefined {
    const runner = this.#holder.ready(this.#examples);
    return runner?.machine.direct === undefined ? undefined : runner;
  }

  /** Whether a step can run now, without waiting for anything. */
  get isPossible(): boolean {
    return this.#ready() !== undefined;
  }

  /** Whether several threads would make it no faster. */
  get isFastest(): boolean {
    return this.#ready()?.machine.direct?.isAlone("step") === true;
  }

  /** The states before the next step, by name; nothing writes to these arrays any more. */
  get states(): ReadonlyMap<string, Float32Array> {
    return this.#given ?? this.#saved();
  }

  /** Lets the next step begin with these states. */
  put(states: ReadonlyMap<string, Float32Array>): void {
    this.#given = states;
  }

  leave(): void {
    this.#given ??= this.#saved();
  }

  /**
   * Runs a step, with row `first` of the statistics, and copies its outputs to `into`. If it fails, the states are as before. Errors:
   * C0406 (inputs), C0506.
   */
  run(inputs: Batch["inputs"], first: number, into: Readonly<Record<string, Float32Array>>): void {
    const runner = this.#ready()!;
    const direct = runner.machine.direct!;
    const wasHere = this.#holder.turns.claim(this);
    this.#runner = runner;
    const input = direct.region("input");
    const work = direct.region("work");
    runner.checkNames(inputs);
    for (const placement of this.#inputs) {
      const { name, shape, range } = placement;
      const given = Object.hasOwn(inputs, name) ? inputs[name] : undefined;
      if (given === undefined) throw missingInput(name, shape);
      if (given === null) input.fill(0, range.offset, range.offset + range.length);
      else {
        const fits = given instanceof Float32Array && given.length === range.length;
        placeInput(input, fits ? given : numbersOf(name, given, shape), placement);
      }
    }
    if (this.#given !== undefined || !wasHere) {
      for (const { name, from, length } of this.#states)
        if (from >= 0) input.set(this.#given!.get(name)!.subarray(0, length), from);
      this.#given = undefined;
    } else if (this.#made) {
      for (const { from, to, length } of this.#states)
        if (from >= 0) for (let i = 0; i < length; i++) input[from + i] = work[to + i];
    }
    this.#made = false;
    direct.run("step", 1, first);
    runner.last = this.#last;
    this.#holder.ran(runner);
    this.#made = true;
    for (const { name, at, length } of this.#outputs) {
      const to = into[name];
      for (let i = 0; i < length; i++) to[i] = work[at + i];
    }
  }

  /** New arrays for the outputs of a step. */
  room(): Readonly<Record<string, Float32Array>> {
    return Object.fromEntries(this.#outputs.map(({ name, length }) => [name, new Float32Array(length)]));
  }

  #saved(): ReadonlyMap<string, Float32Array> {
    const region = this.#runner!.machine.direct!.region(this.#made ? "work" : "input");
    return new Map(
      this.#states.map(({ name, from, to, length }) => {
        const at = this.#made ? to : from;
        // A kernel has failed, and no step reads this state.
        return [name, at < 0 ? new Float32Array(length).fill(Number.NaN) : region.slice(at, at + length)];
      }),
    );
  }
}
