import type { Backend, Machine } from "./backend.ts";
import { RuntimeError } from "./error.ts";
import { elementsOf, floatsOf, rangeOf, shapeOf, whole } from "./layout.ts";
import { markOf } from "./lengths.ts";
import type { Entry, EntryName, Executable, Plan, Tensor } from "./plan.ts";
import { keyOf, noiseAt } from "./random.ts";

/** Examples to run on. */
export interface Batch {
  /**
   * By the plan's names: [T, B, …] for what varies with time, [B, …] for what does not. `null` leaves an input out on
   * purpose, such as the targets at inference; zeros stand in for it, and loss and metrics are not reported.
   */
  readonly inputs: Readonly<Record<string, Float32Array | null>>;
  /** T, at least 1. */
  readonly steps: number;
  /** B, as many as an executable was compiled for. */
  readonly examples: number;
  /**
   * How many steps each example has, from 1 to `steps`; all of them where nothing is said. What stands behind an example's last
   * step is not looked at. Only for what was compiled for it.
   */
  readonly lengths?: ArrayLike<number>;
}

/** What an entry is fed besides the batch. */
export interface Feed {
  /** By name; a list has a number for each step. */
  readonly hyper: Readonly<Record<string, number | readonly number[]>>;
  readonly seed: number;
  /** What tells the noise of one run from that of another: what it is for, and the how-manieth of its kind it is. */
  readonly purpose: "train" | "estimate" | "infer";
  readonly run: number;
  /** Of `step`: the states before it, and which step of the stream it is. */
  readonly stream?: { readonly states: ReadonlyMap<string, Float32Array>; readonly step: number };
}

/** A loaded executable: feeds an entry, runs it, reads tensors back by name. It knows nothing of training. */
export class Runner {
  readonly plan: Plan;
  readonly machine: Machine;
  /** The entry that ran last, whose tensors `work` holds, and for how many steps. */
  last: { readonly entry: Entry; readonly steps: number } | undefined;
  /** What goes to the region `input`, assembled here and sent in one piece. */
  #image = new Float32Array(0);

  private constructor(plan: Plan, machine: Machine) {
    this.plan = plan;
    this.machine = machine;
  }

  static async open(executable: Executable, backend: Backend): Promise<Runner> {
    return new Runner(executable.plan, await backend.open(executable));
  }

  /** The entry of a name. Errors: C0406, if the executable was compiled without it. */
  entry(name: EntryName): Entry {
    const entry = this.plan.entries[name];
    if (entry === undefined) throw new RuntimeError("C0406", `${this.plan.name} was compiled without \`${name}\``);
    return entry;
  }

  /**
   * Writes the inputs of an entry and runs it, t outside of loops being `first`. Errors: C0406 (inputs); those of the backend.
   */
  async run(name: EntryName, batch: Batch, feed: Feed, first = 0): Promise<void> {
    const entry = this.entry(name);
    const { steps } = batch;
    this.#checkBatch(batch);
    const length = floatsOf(entry.regions.input, steps);
    if (this.#image.length < length) this.#image = new Float32Array(length);
    for (const tensor of entry.tensors) if (tensor.region === "input") this.#fill(entry, tensor, batch, feed);
    await this.machine.prepare(steps);
    if (length > 0) await this.machine.write(whole("input", 0, length), this.#image.subarray(0, length));
    await this.machine.run(name, steps, first);
    this.last = { entry, steps };
  }

  /** Reads tensors of the entry that ran last, each contiguous in the order of `shapeOf`. */
  async read(tensors: readonly Tensor[]): Promise<Float32Array[]> {
    const { last } = this;
    if (last === undefined) throw new Error("nothing has run yet");
    return this.machine.read(tensors.map((tensor) => rangeOf(tensor, last.entry, last.steps)));
  }

  #checkBatch(batch: Batch): void {
    if (!Number.isInteger(batch.steps) || batch.steps < 1) {
      throw new RuntimeError("C0406", `a batch needs a whole number of steps, at least 1, and has ${batch.steps}`);
    }
    this.#checkLengths(batch);
    const known = new Set<string>();
    for (const entry of Object.values(this.plan.entries)) {
      for (const { name, role } of entry.tensors) if (role.kind === "input" || role.kind === "index") known.add(name);
    }
    const stranger = Object.keys(batch.inputs).find((name) => !known.has(name));
    if (stranger === undefined) return;
    const names = [...known].map((name) => `\`${name}\``).join(", ");
    throw new RuntimeError("C0406", `${this.plan.name} has no input \`${stranger}\``, `its inputs are ${names}`);
  }

  #checkLengths({ lengths, steps, examples }: Batch): void {
    if (lengths === undefined) return;
    const tensors = Object.values(this.plan.entries).flatMap((entry) => entry.tensors);
    if (!tensors.some(({ role }) => role.kind === "lengths")) {
      const help = "compile it with `ragged`, or leave `lengths` out";
      throw new RuntimeError("C0406", `${this.plan.name} is compiled for sequences of one length in a batch`, help);
    }
    if (lengths.length !== examples) {
      throw new RuntimeError("C0406", `a batch of ${examples} examples has as many lengths, not ${lengths.length}`);
    }
    const wrong = Array.from(lengths).find((length) => !Number.isInteger(length) || length < 1 || length > steps);
    if (wrong === undefined) return;
    throw new RuntimeError("C0406", `an example of these sequences has 1 to ${steps} steps, not ${wrong}`);
  }

  #fill(entry: Entry, tensor: Tensor, batch: Batch, feed: Feed): void {
    const { name, role } = tensor;
    const shape = shapeOf(tensor, batch.steps);
    switch (role.kind) {
      case "input":
      case "index": {
        const data = batch.inputs[name];
        if (data === undefined) {
          const help = "pass null for an input that is left out on purpose";
          throw new RuntimeError("C0406", `the batch lacks input \`${name}\` [${shape.join(", ")}]`, help);
        }
        if (data !== null && data.length !== elementsOf(shape)) {
          const wanted = `[${shape.join(", ")}]: ${elementsOf(shape)} numbers`;
          throw new RuntimeError("C0406", `input \`${name}\` is ${wanted}, and ${data.length} were given`);
        }
        const { lengths, steps, examples } = batch;
        const row = elementsOf(tensor.shape) / examples;
        // Padding may be anything, and nothing that is not finite may come of it.
        const padded = (index: number): boolean =>
          lengths !== undefined &&
          tensor.time &&
          Math.floor(index / row / examples) >= lengths[Math.floor(index / row) % examples];
        const value = (index: number): number => (data === null || padded(index) ? 0 : data[index]);
        if (role.kind === "index") checkIndices(name, data?.length ?? 0, value, role.size);
        this.#place(entry, tensor, steps, value);
        break;
      }
      case "lengths": {
        const { lengths = new Array<number>(batch.examples).fill(batch.steps), steps } = batch;
        const numbers = markOf(role.mark, lengths, steps);
        this.#place(entry, tensor, steps, (index) => numbers[index]);
        break;
      }
      case "noise": {
        const key = keyOf(feed.seed, `noise/${feed.purpose}/${name}`);
        // A step of a stream draws what the same step of a whole sequence would.
        const perStep = role.distribution !== "bernoulli" && role.perStep;
        const from = perStep ? (feed.stream?.step ?? 0) * elementsOf(shape) : 0;
        this.#place(entry, tensor, batch.steps, (index) => noiseAt(role, key, from + index, feed.run));
        break;
      }
      case "state": {
        const state = feed.stream?.states.get(name);
        if (state === undefined) throw new Error(`the step lacks \`${name}\``);
        this.#place(entry, tensor, batch.steps, (index) => state[index]);
        break;
      }
      case "hyper": {
        const value = feed.hyper[name];
        if (value === undefined) throw new RuntimeError("C0406", `hyper-parameter \`${name}\` has no value`);
        this.#place(entry, tensor, batch.steps, (index) => (typeof value === "number" ? value : value[index]));
        break;
      }
      default:
        throw new Error(`the runtime cannot fill \`${name}\`, a tensor of role ${role.kind}, in \`input\``);
    }
  }

  #place(entry: Entry, tensor: Tensor, steps: number, value: (index: number) => number): void {
    const { offset, length, stride, count } = rangeOf(tensor, entry, steps);
    for (let piece = 0; piece < count; piece++) {
      const start = offset + piece * stride;
      for (let i = 0; i < length; i++) this.#image[start + i] = value(piece * length + i);
    }
  }
}

/** An index out of its range would read beyond a table. */
function checkIndices(name: string, count: number, of: (index: number) => number, size: number): void {
  for (let index = 0; index < count; index++) {
    const value = of(index);
    if (Number.isInteger(value) && value >= 0 && value < size) continue;
    throw new RuntimeError("C0406", `input \`${name}\` takes whole numbers from 0 to ${size - 1}, and holds ${value}`);
  }
}
