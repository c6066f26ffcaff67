/**
 * This compiler, in the place of a peer: `cellc.ts TARGET THREADS`. A run is an entry of the executable and nothing else:
 * inputs stand in the machine's memory already, as other libraries' tensors do.
 */
import { fileURLToPath } from "node:url";
import { fileHost } from "../../cli/api/file-host.ts";
import { compile } from "../../compiler/compile.ts";
import type { Backend, LoadedExecutable } from "../../runtime/backend.ts";
import { type Range, rangeOf } from "../../runtime/layout.ts";
import type { Entry, EntryName, Executable, Tensor } from "../../runtime/plan.ts";
import { Session } from "../../runtime/session.ts";
import type { Job } from "../protocol.ts";
import { openTarget, type TimedTarget } from "../targets.ts";
import { numbersOf, type Program, serve } from "./serve.ts";

const path = (file: string): string => fileURLToPath(new URL(`../../${file}`, import.meta.url));

type Numbers = Readonly<Record<string, Float32Array>>;

const [name, threads] = process.argv.slice(2);
const { target, backend, facts } = await openTarget(name as TimedTarget, Number(threads));

async function build(job: Job): Promise<Program> {
  const numbers = numbersOf(job);
  switch (job.kind) {
    case "train":
      return train(job, numbers);
    case "sequence":
      return sequence(job, numbers);
    case "stream":
      return stream(job, numbers);
    default:
      return job.kind satisfies never;
  }
}

/** Nothing but the entry wanted, with statistics of their own for `time` steps. */
function compileCell({ cell, B, D, H }: Job, entries: readonly EntryName[], time: number): Executable {
  const options = { entry: cell, batch: B, time, dims: { D, H }, entries };
  return compile(path(`examples/cells/${cell}.cell`), options, target, fileHost).executable;
}

async function train(job: Job, numbers: Numbers): Promise<Program> {
  const { T } = job;
  const loaded = await load(backend, compileCell(job, ["train"], T), "train", T, numbers);
  const loss = loaded.range(({ role }) => role.kind === "loss");
  const gradient = loaded.range(({ role }) => role.kind === "grad" && role.of === "b");
  return {
    // Reading the loss waits for all the work on a GPU.
    run: async () => {
      await loaded.machine.run("train", T);
      await loaded.machine.read([loss]);
    },
    check: async () => {
      const [[l], values] = await loaded.machine.read([loss, gradient]);
      return { loss: l, values: [...values] };
    },
  };
}

/** Statistics are one row, which serves all steps. */
async function sequence(job: Job, numbers: Numbers): Promise<Program> {
  const { T, B, H } = job;
  const loaded = await load(backend, compileCell(job, ["infer"], 1), "infer", T, numbers);
  const output = loaded.range(({ role }) => role.kind === "output");
  let hs: Float32Array = new Float32Array();
  return {
    run: async () => {
      await loaded.machine.run("infer", T);
      [hs] = await loaded.machine.read([output]);
    },
    check: () => ({ values: [...hs.subarray((T - 1) * B * H)] }),
  };
}

/** A run is T steps of a stream, at once where the backend can. */
async function stream(job: Job, numbers: Numbers): Promise<Program> {
  const { T, B, D, H } = job;
  const session = await Session.open(compileCell(job, ["start", "step"], 1), backend, { seed: 1 });
  const tensors = Object.values(session.plan.entries).flatMap((entry) => entry.tensors);
  const kept = tensors.filter(({ role: { kind } }) => kind === "param" || kind === "stat").map(({ name }) => name);
  for (const name of new Set(kept)) await session.write(name, numbers[name]);
  const steps = Array.from({ length: T }, (_, t) => ({ x: numbers.x.subarray(t * B * D, (t + 1) * B * D) }));
  const stream = await session.stream();
  const isDirect = backend.name === "wasm";
  const into = { h: new Float32Array(B * H) };
  let last: Float32Array = into.h;
  return {
    run: async () => {
      await stream.reset();
      for (const step of steps) {
        if (isDirect) stream.nextSync(step, into);
        else last = (await stream.next(step)).h;
      }
    },
    check: () => ({ values: [...last] }),
  };
}

interface Loaded {
  readonly machine: LoadedExecutable;
  /** Where the tensor of the entry stands that answers a description. */
  readonly range: (is: (tensor: Tensor) => boolean) => Range;
}

/** An executable in memory, with everything written that `entry` reads. */
async function load(
  backend: Backend,
  executable: Executable,
  name: EntryName,
  steps: number,
  numbers: Numbers,
): Promise<Loaded> {
  const entry: Entry = executable.plan.entries[name]!;
  const machine = await backend.open(executable);
  await machine.prepare(steps);
  for (const tensor of entry.tensors) {
    const data = given(tensor, numbers);
    if (data !== undefined) await machine.write(rangeOf(tensor, entry, steps), data);
  }
  const range = (is: (tensor: Tensor) => boolean): Range => {
    const tensor = entry.tensors.find(is);
    if (tensor === undefined) throw new Error(`${executable.plan.name} lacks a tensor in \`${name}\``);
    return rangeOf(tensor, entry, steps);
  };
  return { machine, range };
}

/** What is to be written into a tensor; undefined for what the entry computes. */
function given({ name, role }: Tensor, numbers: Numbers): Float32Array | undefined {
  switch (role.kind) {
    case "hyper":
      // The newest batch's statistics count alone.
      return Float32Array.of(1);
    case "param":
    case "stat":
    case "input":
      return numbers[name];
    default:
      return undefined;
  }
}

await serve(facts, build);
backend.close();
