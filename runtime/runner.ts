import type { Backend, LoadedExecutable } from "./backend.ts";
import { axisOf, type OwnBatch } from "./batch.ts";
import { RuntimeError } from "./error.ts";
import { anyOf, existing } from "./existing.ts";
import type { Feed } from "./feed.ts";
import type { Fillers } from "./fillers.ts";
import { isGiven } from "./inference-arguments.ts";
import { numbersOf, placeInput, type TypedNumbers } from "./inputs.ts";
import { floatsOf, rangeOf, shapeOf, whole } from "./layout.ts";
import type { Entry, EntryName, Executable, Plan, Tensor } from "./plan.ts";
import { isRecord, shown } from "./shown.ts";

/** A loaded executable: fills an entry's inputs, runs it, and reads tensors back. It knows nothing about training. */
export class Runner {
  readonly plan: Plan;
  readonly machine: LoadedExecutable;
  /** The entry that ran last, whose tensors `work` holds, and for how many steps. */
  last: { readonly entry: Entry; readonly batch: OwnBatch } | undefined;
  /** An image of the region `input`, assembled here and sent in one piece. */
  #image = new Float32Array(0);
  /** For each entry, the tensors in the region `input`. */
  readonly #fed: ReadonlyMap<Entry, readonly Tensor[]>;
  /** The inputs that a batch may have. */
  readonly #known: ReadonlySet<string>;
  readonly #isRagged: boolean;
  readonly #fillers: Fillers;

  private constructor(plan: Plan, machine: LoadedExecutable, fillers: Fillers) {
    this.#fillers = fillers;
    this.plan = plan;
    this.machine = machine;
    const entries = Object.values(plan.entries);
    const fed = entries.map(({ tensors }) => tensors.filter(({ region }) => region === "input"));
    this.#fed = new Map(entries.map((entry, i) => [entry, fed[i]]));
    this.#known = new Set(fed.flatMap((tensors) => tensors.filter(isGiven).map(({ name }) => name)));
    this.#isRagged = fed.some((tensors) => tensors.some(isOfLengths));
  }

  static async open(executable: Executable, backend: Backend, fillers: Fillers): Promise<Runner> {
    if (!isRecord(executable)) {
      throw new RuntimeError("C0406", `an executable has a plan and its code; this is ${shown(executable)}`);
    }
    const noBackend = (): RuntimeError =>
      new RuntimeError("C0406", `${shown(backend)} is not a backend`, "pass wasmBackend() or await webgpuBackend()");
    if (typeof (backend as Partial<Backend> | null | undefined)?.open !== "function") throw noBackend();
    const machine: Partial<LoadedExecutable> | undefined = await backend.open(executable);
    if (typeof machine?.run !== "function") throw noBackend();
    return new Runner(executable.plan, machine as LoadedExecutable, fillers);
  }

  /** The entry with a name. Errors: C0406, if the executable was compiled without it. */
  entry(name: EntryName): Entry {
    const known = typeof name === "string" && Object.hasOwn(this.plan.entries, name);
    const entry = known ? this.plan.entries[name] : undefined;
    if (entry === undefined) throw new RuntimeError("C0406", `${this.plan.name} was compiled without ${shown(name)}`);
    return entry;
  }

  /**
   * Writes the inputs of an entry and runs it. Outside of loops, t is `first`. Errors: C0406 (inputs); those of the backend.
   */
  async run(name: EntryName, batch: OwnBatch, feed: Feed, first = 0): Promise<void> {
    const entry = this.entry(name);
    const { steps } = batch;
    this.#checkBatch(batch);
    const length = this.makeRoom(name, batch);
    for (const tensor of this.#fed.get(entry)!) this.#fill(entry, tensor, batch, feed);
    await this.machine.prepare(steps);
    if (length > 0) await this.machine.write(whole("input", 0, length), this.#image.subarray(0, length));
    await this.machine.run(name, steps, first);
    this.last = { entry, batch };
  }

  /**
   * Makes room for the image of a batch. It checks first that the inputs really have that many numbers, so that a wrong number of steps
   * does not exhaust memory. Returns the image's length in floats. Errors: C0406 (inputs), C0505.
   */
  makeRoom(name: EntryName, batch: OwnBatch): number {
    const entry = this.entry(name);
    const length = floatsOf(entry.regions.input, batch.steps);
    if (length > this.#image.length) {
      for (const tensor of this.#fed.get(entry)!) if (isGiven(tensor)) givenFor(tensor, batch);
      this.#image = imageOf(length);
    }
    return length;
  }

  /** Reads tensors of the entry that ran last, each contiguous in the order of `shapeOf`. */
  async read(tensors: readonly Tensor[]): Promise<Float32Array[]> {
    const { last } = this;
    if (last === undefined) throw new Error("nothing has run yet");
    const axes = tensors.map((tensor) => axisOf(last.batch, tensor));
    const data = await this.machine.read(tensors.map((tensor, i) => rangeOf(tensor, last.entry, axes[i].steps)));
    return data.map((numbers, i) => {
      const [tensor, { existing, steps }] = [tensors[i], axes[i]];
      if (!tensor.time || !tensor.batch || existing === undefined) return numbers;
      const own = Float32Array.from(numbers);
      const range = whole(tensor.region, 0, own.length);
      this.#filler("ragged").spread(own, { shape: shapeOf(tensor, steps), range }, existing);
      return own;
    });
  }

  /** Errors: C0406, for an input that the model does not have. */
  checkNames(inputs: OwnBatch["inputs"]): void {
    const known = this.#known;
    for (const stranger in inputs) {
      if (known.has(stranger)) continue;
      const names = [...known].map((name) => `\`${name}\``).join(", ");
      throw new RuntimeError("C0406", `${this.plan.name} has no input \`${stranger}\``, `its inputs are ${names}`);
    }
  }

  #checkBatch({ inputs, axes, steps }: OwnBatch): void {
    const { mostSteps = steps } = this.plan;
    if (steps > mostSteps) {
      const message = `${this.plan.name} is compiled for sequences of up to ${mostSteps} steps, and this batch has ${steps}`;
      throw new RuntimeError(
        "C0406",
        message,
        "compile it for longer ones: `time` of `compile`, --time on the command line",
      );
    }
    if (!this.#isRagged && Object.values(axes).some(({ existing }) => existing !== undefined)) {
      const help = "compile it with `ragged`, or leave `lengths` and `mask` out";
      throw new RuntimeError("C0406", `${this.plan.name} is compiled for sequences of one length in a batch`, help);
    }
    this.checkNames(inputs);
  }

  #fill(entry: Entry, tensor: Tensor, batch: OwnBatch, feed: Feed): void {
    const { name, role } = tensor;
    const axis = axisOf(batch, tensor);
    const shape = shapeOf(tensor, axis.steps);
    switch (role.kind) {
      case "input":
      case "index": {
        const data = givenFor(tensor, batch);
        const range = rangeOf(tensor, entry, axis.steps);
        const size = role.kind === "index" ? role.size : undefined;
        const target = role.kind === "input" && role.target === true;
        // Missing steps may hold anything, and must not make a result that is not finite.
        const { existing } = axis;
        const own =
          tensor.time && existing
            ? {
                compact: (image: Float32Array) => this.#filler("ragged").compact(image, { shape, range }, existing),
                stepOf: (t: number, b: number) => this.#filler("ragged").stepOf(existing, t, b),
              }
            : undefined;
        // Also the steps that only a longer axis has.
        if (data === undefined || axis.steps < batch.steps) this.#place(entry, tensor, batch.steps, () => 0);
        if (data !== undefined) placeInput(this.#image, data, { name, shape, range, size, target, own });
        break;
      }
      case "lengths": {
        const { steps, examples } = batch;
        if (role.mark === "begins") {
          this.#place(entry, tensor, steps, (example) => Number(doneBy(feed, example) === 0));
          break;
        }
        const all = existing(new Array<number>(examples).fill(steps), steps);
        // An example is present if it has a step on any axis.
        const axes = role.mark === "present" ? Object.values(batch.axes) : [axis];
        const found = anyOf(axes.map((one) => one.existing ?? all));
        const numbers = this.#filler("ragged").markOf(role.mark, found);
        this.#place(entry, tensor, steps, (index) => numbers[index]);
        break;
      }
      case "noise":
        this.#place(entry, tensor, batch.steps, this.#filler("noise")(role, { name, shape }, feed));
        break;
      case "state": {
        const state = feed.stream?.states.get(name);
        // Where all sequences begin with the batch, no state is read.
        if (state === undefined && feed.stream?.began.some((_, example) => doneBy(feed, example) > 0))
          throw new Error(`the step lacks \`${name}\``);
        this.#place(entry, tensor, batch.steps, (index) => state?.[index] ?? 0);
        break;
      }
      case "step": {
        const each = tensor.batch ? batch.examples : 1;
        const done = (example: number): number => (tensor.batch ? doneBy(feed, example) : 0);
        this.#place(entry, tensor, batch.steps, (index) => done(index % each) + Math.floor(index / each));
        break;
      }
      case "hyper":
        this.#place(entry, tensor, batch.steps, this.#filler("hyper")(name, feed.hyper[name]));
        break;
      default:
        throw new Error(`the runtime cannot fill \`${name}\`, a tensor of role ${role.kind}, in \`input\``);
    }
  }

  #filler<Kind extends keyof Fillers>(kind: Kind): NonNullable<Fillers[Kind]> {
    const filler = this.#fillers[kind];
    if (!filler) throw new Error(`the module of ${this.plan.name} names nothing for \`${kind}\``);
    return filler;
  }

  #place(entry: Entry, tensor: Tensor, steps: number, value: (index: number) => number): void {
    const { offset, length, stride, count } = rangeOf(tensor, entry, steps);
    for (let piece = 0; piece < count; piece++) {
      const start = offset + piece * stride;
      for (let i = 0; i < length; i++) this.#image[start + i] = value(piece * length + i);
    }
  }
}

/** Errors: C0505. */
function imageOf(length: number): Float32Array<ArrayBuffer> {
  try {
    return new Float32Array(length);
  } catch {
    throw new RuntimeError("C0505", `there is no memory for inputs of ${length} numbers`, "use shorter sequences");
  }
}

/** The numbers of an input, checked against its shape; undefined if the batch leaves it out on purpose. Errors: C0406. */
function givenFor(tensor: Tensor, batch: OwnBatch): TypedNumbers | undefined {
  const { name } = tensor;
  const { inputs } = batch;
  const input = Object.hasOwn(inputs, name) ? inputs[name] : undefined;
  const shape = shapeOf(tensor, axisOf(batch, tensor).steps);
  if (input === null) return undefined;
  if (input !== undefined) return numbersOf(name, input, shape);
  throw missingInput(name, shape);
}

/** The error for a batch that lacks an input. */
export const missingInput = (name: string, shape: readonly number[]): RuntimeError =>
  new RuntimeError(
    "C0406",
    `the batch lacks input \`${name}\` [${shape.join(", ")}]`,
    "pass null for an input that is left out on purpose",
  );

const isOfLengths = ({ role }: Tensor): boolean => role.kind === "lengths" && role.mark !== "begins";

/** How many steps of its own sequence an example has had before this run. */
const doneBy = ({ stream }: Feed, example: number): number => (stream ? stream.step - stream.began[example] : 0);
