/** Loops whose lanes own single elements: targets compute what the reference does, whatever else is asked of the loop. */
import { afterAll, describe, expect, it } from "vitest";
import { fileHost } from "../../cli/api/file-host.ts";
import type { Graph } from "../../compiler/ir/types.ts";
import type { LoopChoice } from "../../compiler/partition/loop-strategy.ts";
import { elaborate } from "../../compiler/semantics/elaborate.ts";
import type { Target } from "../../compiler/target.ts";
import type { Backend } from "../../runtime/backend.ts";
import { regionSizes } from "../../runtime/layout.ts";
import type { Executable } from "../../runtime/plan.ts";
import { wasmBackend } from "../../runtime/wasm/wasm.ts";
import { wgsl } from "../../targets/wgsl/target.ts";
import { expectComputed } from "../codegen/expect-computed.ts";
import { numbersFor } from "../passes/meaning.ts";
import { compile } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { keptForFile } from "./kept-for-file.ts";
import { runExecutable } from "./run-executable.ts";
import { computations, Study, type StudyOptions } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const example = (file: string, entry: string): Graph =>
  elaborate(`examples/cells/${file}.cell`, fileHost, { entry }).graph;

/**
 * Two layers, one of which goes from the last step, with masks, a state of its own kind of first value, a state that is another's old value,
 * and readouts of the last step and of all.
 */
const deep = compile(`cell pair(D = 3, H = 4) {
  param W : [D, 2H] = xavier
  param u : [H] = uniform(0.5)
  param c : [H] = 0.5
  input x : [D]
  state h : [H] = tanh(c) + noise(0.1)
  state old : [H] = 0
  f, z = split(x @ W, 2)
  h' = sigmoid(f) * h + u * old + z
  old' = h
  output where(h' > 0, h', 0.1 * h') - old
}

model deep(D = 3, H = 4) {
  input x : [D] over time
  target y : [H] over time
  target z : [2]
  param V : [H, 2] = orthogonal
  first = scan pair(D, H) over x
  back = scan pair(H, H) over first * 2 reverse
  output back, last(first) @ V
  loss mse(back, y) + mse(last(first) @ V, z) + mean(abs(first))
}
`).graph;

const graphs: Readonly<Record<string, Graph>> = {
  mingru: example("minrnn", "mingru"),
  minlstm: example("minrnn", "minlstm"),
  sru: example("sru", "sru"),
  indrnn: example("indrnn", "indrnn"),
  lru: example("lru", "lru"),
  retnet: example("retnet", "retnet"),
  s4d: example("s4d", "s4d"),
  deep,
};

/** Nine examples of some 33 units: neither lanes nor vectors share them out evenly. */
const dims = { D: 3, H: 33, N: 33 };
const matrices = ["retnet", "s4d"];
const sizes = (name: string) => (matrices.includes(name) ? { D: 3, H: 12, N: 2 } : dims);

const ways: Readonly<Record<string, Partial<StudyOptions>>> = {
  "as it is": {},
  "lengths that differ": { lengths: [5, 2, 4, 1, 5, 3, 3, 2, 4] },
  "sequences that go on": { carry: true },
  "gradients of states": { stateGradients: true },
  "a batch of two": { batch: 2, lengths: [5, 3] },
  "f16 for what is saved": { storage: "f16" },
};

const studies = keptForFile<string, Study>();
function studyOf(name: string, way: string): Study {
  const key = `${name} ${way}`;
  const known = studies.get(key);
  const study =
    known ?? new Study(graphs[name], { dims: sizes(name), batch: 9, time: 5, seed: 4, nearInitial: 0.1, ...ways[way] });
  studies.set(key, study);
  return study;
}

const elements = ({ plan }: Executable): boolean => plan.entries.train!.commands.every((c) => c.do === "dispatch");

async function expectErrors(name: string, way: string, target: Target, backend: Parameters<Study["targetErrors"]>[1]) {
  const study = studyOf(name, way);
  expect(elements(study.compile(target, ["train"])), "no loop is run step by step").toBe(true);
  const errors = await study.targetErrors(target, backend, ["train", "infer"]);
  expect(errors.forward).toBeLessThan(tolerance.forward);
  expect(errors.gradient).toBeLessThan(way.startsWith("f16") ? tolerance.half : tolerance.gradient);
}

describe("on WebAssembly", () => {
  const backend = opened(places.wasm);
  const isPossible = (name: string, way: string): boolean =>
    // A loop from the last step does not go on, and this target stores f32 alone.
    !way.startsWith("f16") && (name !== "deep" || way !== "sequences that go on");
  const cases = Object.keys(graphs).flatMap((name) =>
    Object.keys(ways).flatMap((way) => (isPossible(name, way) ? [[name, way] as const] : [])),
  );
  it.each(cases)("%s, with %s", (name, way) => expectErrors(name, way, places.wasm.target, backend()));
});

describe("on WebAssembly, shared out among three threads", () => {
  // However little there is to do.
  const backend = wasmBackend({ threads: 3, costs: { barrier: 0, start: 0 } });
  afterAll(() => backend.close());
  const cases = ["mingru", "lru", "retnet", "deep"].flatMap((name) =>
    ["as it is", "a batch of two"].map((way) => [name, way] as const),
  );
  it.each(cases)("%s, with %s", (name, way) => expectErrors(name, way, places.wasm.target, backend));
});

// A shader compiler takes its time.
describe("on WebGPU", () => {
  const backend = opened(places.wgsl);
  it.each([
    ["mingru", "as it is"],
    ["lru", "lengths that differ"],
    ["deep", "lengths that differ"],
    ["mingru", "sequences that go on"],
    ["sru", "f16 for what is saved"],
  ])("%s, with %s", (name, way) => expectErrors(name, way, places.wgsl.target, backend()));
});

describe("as Kernel IR means it", () => {
  it.each(Object.keys(graphs))("%s computes on lanes what the reference does", (name) => {
    const { lowered } = studyOf(name, "as it is");
    const all = { ...sizes(name), batch: 9, time: 5, steps: 5 };
    const leaves = numbersFor(lowered.placed, all);
    for (const entry of ["train", "infer"] as const) {
      const loops = { forward: "element", backward: "element" } as const;
      const isOwned = entry === "train" || !matrices.includes(name);
      const kernels = expectComputed(
        lowered.entries[entry],
        lowered.placed,
        { dims: all, leaves },
        wgsl.machine,
        isOwned ? loops : {},
      );
      expect(kernels.length).toBeGreaterThan(0);
    }
  });

  it("a wide layer is shared out among workgroups by its units, too", () => {
    const wide = { D: 2, H: 300 };
    const study = new Study(graphs.mingru, { dims: wide, batch: 3, time: 4, nearInitial: 0.1 });
    const all = { ...wide, batch: 3, time: 4, steps: 4 };
    const { placed, entries } = study.lowered;
    const kernels = expectComputed(entries.train, placed, { dims: all, leaves: numbersFor(placed, all) }, wgsl.machine);
    const loop = kernels.find(({ name }) => name.includes("_forward_"))!;
    expect(loop.grid.map(({ fixed }) => fixed)).toEqual([3, 1, 2]);
  });
});

/** Loops whose states are linear, each by itself. */
const linear = ["mingru", "minlstm", "retnet"];
const inChunks = { forward: "chunk", backward: "chunk" } as const;

describe("in chunks of steps", () => {
  it.each(linear.flatMap((name) => [1, 5, 40].map((time) => [name, time] as const)))(
    "%s computes in %i steps what the reference does",
    (name, time) => {
      const entries = name === "retnet" ? (["train"] as const) : (["train", "infer"] as const);
      const study = new Study(graphs[name], { dims: sizes(name), batch: 3, time, nearInitial: 0.1 });
      const all = { ...sizes(name), batch: 3, time, steps: time };
      const { placed, entries: lowered } = study.lowered;
      const leaves = numbersFor(placed, all);
      for (const entry of entries) {
        const kernels = expectComputed(lowered[entry], placed, { dims: all, leaves }, wgsl.machine, inChunks);
        expect(kernels.some((kernel) => kernel.name.endsWith("_reduce"))).toBe(true);
      }
    },
  );

  it.each([
    ["lru", /re is computed from im, another state/],
    ["indrnn", /is not linear in h/],
    ["deep", /h is computed from old, another state/],
  ])("%s is refused", (name, reason) => {
    const study = new Study(graphs[name], { dims, batch: 2, time: 4, loops: { forward: "chunk" } });
    expect(() => study.compile(wgsl, ["train"])).toThrow(reason);
  });

  it("threads have no use for them", () => {
    const study = new Study(graphs.mingru, { dims, batch: 2, time: 4, loops: inChunks });
    expect(() => study.compile(places.wasm.target, ["train"])).toThrow(/has no lanes to fill/);
  });

  describe("on WebGPU", () => {
    const backend = opened(places.wgsl);
    it.each([
      ["mingru", {}],
      ["mingru", { lengths: [21, 1, 40, 33, 2] }],
      ["minlstm", { carry: true }],
    ] as const)("%s with %j", async (name, options) => {
      const shape = { dims: { D: 3, H: 5 }, batch: 5, time: 40, nearInitial: 0.1, loops: inChunks };
      const errors = await new Study(graphs[name], { ...shape, ...options }).targetErrors(wgsl, backend(), ["train"]);
      expect(errors.forward).toBeLessThan(tolerance.forward);
      expect(errors.gradient).toBeLessThan(tolerance.gradient);
    });
  });
});

describe("over thousands of steps chunks are as close to f64 as `docs/design.md` says, on WebGPU,", () => {
  const backend = opened(places.wgsl);
  const [B, H] = [2, 8];
  const decaying = compile(`cell decaying(H = ${H}) {
  input x : [H]
  param a : [H] = 0
  state h : [H] = 1
  h' = a * h + x
  output h'
}`).graph;

  it.each([
    ["near 1", 1000, (j: number) => 1 - 2 ** -(5 + j)],
    ["near 1", 4000, (j: number) => 1 - 2 ** -(9 + j)],
    ["near 0", 4000, (j: number) => 2 ** -(4 + 6 * j) * (-1) ** j],
    ["of either sign", 3001, (j: number) => (j - 3.5) / 3.6],
  ])("coefficients %s, %i steps", async (_, time, of) => {
    const a = Float64Array.from({ length: H }, (_, j) => Math.fround(of(j)));
    const options = { dims: { H }, batch: B, time, loops: { forward: "chunk" } as const, numbers: { a } };
    const study = new Study(decaying, { ...options, entries: ["infer"] });
    const executable = study.compile(wgsl, ["infer"]);
    const found = (await runExecutable(backend(), executable, ["infer"], time, study.numbers)).get("infer")!;
    const h = found.get("output:h") ?? found.get("output:output")!;
    const roundings = 2 * (time + 32);
    const gamma = (roundings * 2 ** -24) / (1 - roundings * 2 ** -24);
    let worst = 0;
    for (let i = 0; i < B * H; i++) {
      let [truth, size] = [1, 1];
      for (let t = 0; t < time; t++) {
        const x = study.numbers.x[t * B * H + i];
        truth = a[i % H] * truth + x;
        size = Math.abs(a[i % H]) * size + Math.abs(x);
        worst = Math.max(worst, Math.abs(h[t * B * H + i] - truth) / size / gamma);
      }
    }
    expect(worst).toBeLessThan(1);
  });
});

/** A program whose memory is limited, so that it runs in segments: over one step, over one segment, and over more than two. */
async function expectSegments(name: string, target: Target, backend: () => Backend, loops?: LoopChoice): Promise<void> {
  const STEPS = 40;
  const options = { dims: { D: 2, H: 5 }, batch: 4, time: STEPS, steps: STEPS, nearInitial: 0.1, loops };
  const whole = new Study(graphs[name], { ...options, memory: 2 ** 40 }).compile(target);
  const bytes = 4 * Object.values(regionSizes(whole.plan, STEPS)).reduce((a, b) => a + b, 0);
  const memory = Math.floor((name === "deep" ? 0.95 : 0.7) * bytes);
  const executable = new Study(graphs[name], { ...options, memory }).compile(target, computations);
  const S = executable.plan.entries.train!.regions.work.segment!.length;
  expect(S).toBeLessThan(STEPS);
  for (const time of [1, S, 2 * S + 1]) {
    const study = new Study(graphs[name], { ...options, memory, time });
    const found = await runExecutable(backend(), executable, computations, time, study.numbers);
    for (const entry of computations) {
      const errors = study.errorsOf(entry, found.get(entry)!);
      expect(errors.forward, `${time} steps`).toBeLessThan(tolerance.stacked.forward);
      expect(errors.gradient, `${time} steps`).toBeLessThan(tolerance.stacked.gradient);
    }
  }
}

describe("in segments, over any number of steps, on WebAssembly,", () => {
  const backend = opened(places.wasm);
  it.each(["mingru", "sru", "deep"])("%s has the reference's results", (name) =>
    expectSegments(name, places.wasm.target, backend),
  );
});

describe("in segments whose steps are taken in chunks, on WebGPU,", () => {
  const backend = opened(places.wgsl);
  it("mingru has the reference's results", () => expectSegments("mingru", wgsl, backend, inChunks));
});
