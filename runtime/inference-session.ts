import type { Backend } from "./backend.ts";
import type { Batch, OwnBatch } from "./batch.ts";
import { closed } from "./closable.ts";
import { RuntimeError } from "./error.ts";
import type { Fillers } from "./fillers.ts";
import { firstRow, type Holder, infer } from "./inference.ts";
import { restoreOptions } from "./inference-arguments.ts";
import { finiteNumbers } from "./inputs.ts";
import { floatsIn, type Kept, keptTensors } from "./layout.ts";
import type { Executable, Plan } from "./plan.ts";
import { Population } from "./population.ts";
import { readCheckpoint } from "./read-checkpoint.ts";
import { Runner } from "./runner.ts";
import { damaged } from "./safetensors.ts";
import type { Inference, InferOptions } from "./session-types.ts";
import { compareWeights, type RestoreOptions } from "./state.ts";
import { Turns } from "./turns.ts";

/**
 * An executable with trained parameters and statistics, which infers. It is what a `Session` is without training, in half the
 * code; `openStream` opens streams of it. Calls may overlap; they are carried out one after another.
 */
export class InferenceSession {
  readonly #runner: Runner;
  readonly #kept: readonly Kept[];
  readonly #population: Population;
  /** For use by `openStream`. */
  readonly holder: Holder;
  /** Names of the parameters that have no values yet. */
  readonly #missing: Set<string>;
  #seed = 0;
  #inferences = 0;
  readonly #turns = new Turns();
  #closed = false;
  /** Free texts of the checkpoint that was loaded, by key, such as how inputs were scaled. */
  notes: Readonly<Record<string, string>> = {};

  private constructor(runner: Runner) {
    this.#runner = runner;
    this.#kept = keptTensors(runner.plan).filter(({ kind }) => kind !== "slot");
    this.#population = new Population(runner.machine, this.#kept);
    this.#missing = new Set(this.#kept.flatMap(({ name, kind }) => (kind === "param" ? [name] : [])));
    const { rows } = this.#population;
    this.holder = {
      plan: runner.plan,
      rows,
      turns: this.#turns,
      ready: () => {
        if (this.#closed) throw closed("session");
        return this.#missing.size === 0 && this.#population.isComplete ? runner : undefined;
      },
      ran: () => {},
      exclusive: (act) => this.#exclusive(act),
      planFor: () => undefined,
      count: () => this.#inferences++,
      run: async (entry, batch, steps, feed) => {
        this.#require(batch);
        await this.#population.reach(steps);
        const known = { hyper: {}, seed: this.#seed, purpose: "infer" } as const;
        await runner.run(entry, batch, { ...known, ...feed }, firstRow(rows, feed));
        return runner;
      },
    };
  }

  /**
   * Loads an executable. Its parameters have no values yet. Errors: C0411 (a damaged executable), those of the backend.
   */
  static async open(executable: Executable, backend: Backend, fillers: Fillers): Promise<InferenceSession> {
    return new InferenceSession(await Runner.open(executable, backend, fillers));
  }

  get plan(): Plan {
    return this.#runner.plan;
  }

  /**
   * Takes parameters and statistics from the bytes of a checkpoint; the optimiser's state in it is ignored. Returns the
   * differences, if they are allowed. Errors: C0403 if it belongs to another model, naming the tensors that differ; C0404 (damaged, or numbers
   * that are not finite), C0407 (another program's file).
   */
  load(checkpoint: Uint8Array, options: RestoreOptions = {}): Promise<readonly string[]> {
    return this.#exclusive(async () => {
      const state = readCheckpoint(checkpoint, () => "another program's file, or a later version's");
      const differences = compareWeights(state, this.plan, this.#kept, restoreOptions(options));
      const saved = this.#kept.map(({ name, range }) => ({ name, range, data: state.tensors.get(name)!.data }));
      for (const { name, data } of saved) {
        const wrong = data.findIndex((value) => !Number.isFinite(value));
        if (wrong >= 0) throw damaged(`\`${name}\` holds ${data[wrong]} at ${wrong}`);
      }
      for (const { range, data } of saved) await this.#runner.machine.write(range, data);
      const { seed, seen, seenOver, written } = state.counters;
      this.#seed = seed;
      this.#population.restore({ seen, seenOver, written });
      this.#missing.clear();
      this.notes = { ...state.notes };
      return differences;
    });
  }

  /** As `Session.infer`. Errors: C0406 (batch, or parameters without values), C0501 if statistics are not known. */
  infer(batch: Batch, options: InferOptions = {}): Promise<Inference> {
    return infer(this.holder, batch, options);
  }

  /** A parameter or statistic [steps, …] by name, contiguous. Errors: C0406 (name). */
  read(name: string): Promise<Float32Array> {
    return this.#exclusive(async () => (await this.#runner.machine.read([this.#find(name).range]))[0]);
  }

  /** Overwrites a parameter, or a statistic, which then counts as known. Errors: C0406 (name, size). */
  write(name: string, data: Float32Array): Promise<void> {
    return this.#exclusive(async () => {
      const { kind, range } = this.#find(name);
      await this.#runner.machine.write(range, finiteNumbers(name, data, floatsIn(range)));
      if (kind === "stat") this.#population.adopt(name);
      this.#missing.delete(name);
    });
  }

  /** Names of the parameters and statistics that have no values yet. */
  unknown(): Promise<readonly string[]> {
    return this.#exclusive(async () => [...this.#missing, ...this.#population.unknown]);
  }

  /** Frees the memory after the calls made so far; later calls are refused (C0508). The backend stays open. */
  close(): void {
    void this.#exclusive(async () => this.#runner.machine.close()).catch(() => {});
    this.#closed = true;
  }

  #exclusive<R>(act: () => Promise<R>): Promise<R> {
    if (this.#closed) return Promise.reject(closed("session"));
    return this.#turns.take(act);
  }

  #require({ examples }: OwnBatch): void {
    const { name, dims } = this.plan;
    if (this.#missing.size > 0) {
      const names = [...this.#missing].map((missing) => `\`${missing}\``).join(", ");
      throw new RuntimeError("C0406", `${name} has no values for ${names}`, "load a checkpoint, or write them");
    }
    this.#population.require(name);
    if (examples === dims.batch) return;
    const message = `${name} is compiled for batches of ${dims.batch} examples, and this one has ${examples}`;
    throw new RuntimeError("C0406", message, `compile it with a batch of ${examples}`);
  }

  #find(name: string): Kept {
    const kept = this.#kept.find((candidate) => candidate.name === name);
    if (kept !== undefined) return kept;
    throw new RuntimeError("C0406", `${this.plan.name} has no parameter or statistic \`${name}\``);
  }
}
