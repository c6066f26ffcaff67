/** Every example as somebody would compile it: at the sizes that its file declares, which other tests do not take the time for. */
import { describe, expect, it } from "vitest";
import { fileHost } from "../../cli/api/file-host.ts";
import { compileGraph } from "../../compiler/compile.ts";
import { CompileError } from "../../compiler/diagnostics/diagnostic.ts";
import type { Leaf } from "../../compiler/ir/types.ts";
import { streamed } from "../../compiler/lower.ts";
import { elaborate } from "../../compiler/semantics/elaborate.ts";
import type { Target } from "../../compiler/target.ts";
import { regionSizes } from "../../runtime/layout.ts";
import type { Entry } from "../../runtime/plan.ts";
import { Session } from "../../runtime/session.ts";
import { sample } from "../ir/numbers.ts";
import { opened, places } from "./backends.ts";
import { compareWithReference } from "./disagreement.ts";
import { exampleFolders, examplesIn } from "./examples.ts";
import { asReference } from "./expect-as-reference.ts";
import { type Computes, Study, type StudyOptions } from "./study.ts";

/** All options of all examples take some minutes: CELLC_ALL_SIZES=1 npx vitest run test/compile/declared-sizes.test.ts */
const all = process.env.CELLC_ALL_SIZES !== undefined;

/** A million weights of a layer are too many for the reference, unless it is asked to. */
const MOST_UNITS = all ? Number.POSITIVE_INFINITY : 200;

const examples = exampleFolders
  .flatMap((folder) => examplesIn(folder, "cell", "model"))
  .filter(({ path, entry }) => (elaborate(path, fileHost, { entry }).dims.H ?? 0) <= MOST_UNITS);

interface Options extends Pick<StudyOptions, "batch" | "time" | "lengths" | "loops" | "parts"> {
  /** A cap on memory: from 0 for the least that there is a way for to 1 for what it would take. */
  readonly memory?: number;
}

/** Below and above the number of rows from which on products are packed. */
const options: readonly Options[] = [
  { batch: 17, time: 2 },
  { batch: 5, time: 3, lengths: [3, 1, 2, 3, 2] },
  { batch: 4, time: 8, memory: 0.7 },
  { batch: 16, time: 8, memory: 0 },
  { batch: 18, time: 8, memory: 0.3, lengths: Array.from({ length: 18 }, (_, i) => 8 - (i % 7)) },
  { batch: 33, time: 2, loops: { forward: "column", backward: "column" } },
  { batch: 18, time: 2, loops: { forward: "whole", backward: "whole" } },
  { batch: 19, time: 2, parts: 2 },
];

/** Weights of the size that initialisers draw: sums of a hundred products stay where gates are not saturated. */
const draw = (leaf: Leaf, n: number, random: () => number): Float64Array | undefined =>
  leaf.kind === "param" && !leaf.constant ? sample(n, [-0.15, 0.15], random) : undefined;

type Example = (typeof examples)[number];

function studyOf({ path, entry }: Example, { memory, ...rest }: Options, target: Target) {
  const { graph, dims } = elaborate(path, fileHost, { entry });
  const entries: readonly Computes[] = graph.results.some((r) => r.kind === "loss") ? ["train", "infer"] : ["infer"];
  const capped = (cap?: number): Study => new Study(graph, { dims, draw, entries, ...rest, memory: cap });
  if (memory === undefined) return { study: capped(), entries };
  const { plan } = capped(2 ** 40).compile(target, entries);
  const whole = 4 * Object.values(regionSizes(plan, rest.time)).reduce((a, b) => a + b, 0);
  const least = leastOf(() => capped(1).compile(target, entries));
  return { study: capped(Math.floor(least + memory * (whole - least))), entries };
}

/** The bytes that the message names when a cap is too low. */
function leastOf(compile: () => unknown): number {
  try {
    compile();
  } catch (e) {
    const least = e instanceof CompileError && /at least (\d+) bytes/.exec(e.diagnostics[0].message);
    if (least) return Number(least[1]);
    throw e;
  }
  throw new Error("a byte was enough");
}

/** Each example with all options, or with one, another for each. */
const cases = (one: boolean) =>
  examples.flatMap((example, n) =>
    options.filter((_, k) => !one || k === n % options.length).map((option) => ({ ...example, option })),
  );

/** Each example with sequences of one length or, every other one, of different lengths. */
const equalOrRagged = () => examples.map((example, n) => ({ ...example, option: options[n % 2] }));

describe.each([
  { place: places.wasm, cases: cases(!all).filter((_, n) => all || (n + Math.floor(n / options.length)) % 4 === 0) },
  // Every other example, with another option each. A shader compiler takes its time.
  { place: places.wgsl, cases: cases(true).filter((_, n) => all || n % 32 === 3) },
  // No owner of a loop can be chosen there, and nothing is cut in segments.
  { place: places.glsl, cases: equalOrRagged().filter((_, n) => all || n % 64 === 7) },
])("on $place.name what is computed is the reference's:", ({ place, cases }) => {
  const backend = opened(place);
  const expectAsReference = asReference(all ? undefined : 0);
  it.each(cases)("$entry, $option", async ({ option, ...example }) => {
    const { study, entries } = studyOf(example, option, place.target);
    await expectAsReference(study, place, backend(), entries);
  });
});

/** Those that go through a stream: a model that looks ahead has none. */
const streams = examples.filter(
  ({ path, entry }) => !("refused" in streamed(elaborate(path, fileHost, { entry }).graph)),
);

/** At inference noise is its mean. */
const withoutNoise: typeof draw = (leaf, n, random) =>
  leaf.kind === "noise" && leaf.distribution === "normal" ? new Float64Array(n) : draw(leaf, n, random);

type InputLeaf = Leaf & { readonly kind: "input" | "index" };
const isInput = (leaf: Leaf | undefined): leaf is InputLeaf => leaf?.kind === "input" || leaf?.kind === "index";

describe.each([
  { place: places.wasm, cases: streams.filter((_, n) => all || n % 2 === 0) },
  { place: places.wgsl, cases: streams.filter((_, n) => all || n % 32 === 5) },
  { place: places.glsl, cases: streams.filter((_, n) => all || n % 64 === 9) },
])("on $place.name a stream gives what the reference has for the sequence:", ({ place, cases }) => {
  const backend = opened(place);
  const [batch, time] = [2, 4];
  it.each(cases)("$entry", async ({ path, entry }) => {
    const { graph, dims } = elaborate(path, fileHost, { entry });
    const study = new Study(graph, { dims, draw: withoutNoise, entries: ["infer"], batch, time });
    const made = compileGraph(graph, { dims, path, batch, time, entries: ["start", "step"] }, place.target);
    const session = await Session.open(made, backend(), { seed: 1 });
    const { start, step } = made.plan.entries;
    for (const { name, role } of [...start!.tensors, ...step!.tensors]) {
      if (role.kind === "param" || role.kind === "stat")
        await session.write(name, Float32Array.from(study.numbers[name]));
    }
    /** What an entry is given at step t. */
    const given = ({ tensors }: Entry, t: number) =>
      Object.fromEntries(
        tensors.flatMap(({ name }) => {
          const attrs = study.leaves.get(name);
          if (attrs === undefined || !isInput(attrs.leaf)) return [];
          const all = Array.from(study.numbers[name]);
          const size = all.length / time;
          return [[name, attrs.type.time ? all.slice(t * size, (t + 1) * size) : all]];
        }),
      );
    const stream = await session.stream({ examples: batch, inputs: given(start!, 0) });
    const steps: Readonly<Record<string, Float32Array>>[] = [];
    for (let t = 0; t < time; t++) steps.push(await stream.next(given(step!, t)));
    // A stream has outputs alone. One that is not over time is that of the steps so far.
    const found = [...study.reference("infer")].map(([key, truth]): [string, ArrayLike<number>] => {
      const made = steps.map((outputs) => outputs[key.slice("output:".length)]);
      if (!key.startsWith("output:")) return [key, truth];
      return [key, truth.length === made[0].length ? made[time - 1] : made.flatMap((values) => [...values])];
    });
    expect(found.filter(([key]) => key.startsWith("output:"))).not.toEqual([]);
    expect(compareWithReference(study, "infer", new Map(found)).disagreement).toBeUndefined();
    session.close();
  });
});
