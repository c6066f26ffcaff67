/** A running sum, which is a loop to all that follows its row: whole, ragged, in reverse, in segments, and step by step. */
import { describe, expect, it } from "vitest";
import { compileGraph } from "../../compiler/compile.ts";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import type { Graph, Op } from "../../compiler/ir/types.ts";
import type { Target } from "../../compiler/target.ts";
import { Session } from "../../runtime/session.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { sample, uniform } from "../ir/numbers.ts";
import { codes, compile, problemsOf } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { Study, type StudyOptions } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const [D, H, B, T] = [3, 4, 5, 7];
const lengths = [7, 3, 5, 1, 2];

const text = (way: "" | "reverse", norm = "batch(gamma = 0.5)"): string => `cell c(D = 3, H = 4) {
  param Wx : [D, 4H] = xavier
  param Wh : [H, 4H] = orthogonal
  input x : [D]
  state h : [H] = 0.1
  state c : [H] = 0
  site hh = h @ Wh
  f, i, o, g = split(hh + x @ Wx, 4)
  c' = sigmoid(f) * c + sigmoid(i) * tanh(g)
  h' = sigmoid(o) * tanh(c')
  output h'
  place hh : ${norm}
}
model m(D = 3, H = 4) {
  input x : [D] over time
  target z : [H] over time
  hs = scan c(D, H) over x ${way}
  y = cumsum(hs)
  output hs, y
  loss mse(y, z)
}
`;

/** With sums of all steps to come instead: nothing says them in the language, but derivatives do. */
const turned = (graph: Graph): Graph => ({
  ...graph,
  ops: graph.ops.map((op): Op => (op.op === "cumsum" ? { ...op, attrs: { reverse: true } } : op)),
});

const forward = compile(text(""));
const graphs = {
  forward: forward.graph,
  "over a loop in reverse": compile(text("reverse")).graph,
  "of the steps to come": turned(forward.graph),
};
type Name = keyof typeof graphs;

const study = (name: Name, more: Partial<StudyOptions> = {}): Study =>
  new Study(graphs[name], { dims: forward.dims, batch: B, time: T, seed: 3, ...more });

/** [T, B, H] summed over each example's own steps; 0 after them. */
function sums(hs: ArrayLike<number>, own: readonly number[], name: Name): Float64Array {
  const made = new Float64Array(hs.length);
  const at = (t: number, b: number, k: number): number => (t * B + b) * H + k;
  own.forEach((steps, b) => {
    for (let k = 0; k < H; k++)
      for (let i = 0, sum = 0; i < steps; i++) {
        const t = name === "of the steps to come" ? steps - 1 - i : i;
        sum += hs[at(t, b, k)];
        made[at(t, b, k)] = sum;
      }
  });
  return made;
}

const names = Object.keys(graphs) as Name[];

describe.each([undefined, lengths])("of sequences of lengths %s", (own) => {
  it.each(names)("%s: the reference adds up each example's own steps, and has the gradients of differences", (name) => {
    const made = study(name, { lengths: own });
    const truths = made.reference("train");
    const expected = sums(truths.get("output:hs")!, own ?? Array(B).fill(T), name);
    expect(relativeError(truths.get("output:y")!, expected)).toBeLessThan(1e-12);
    expect(made.directionError()).toBeLessThan(tolerance.differences);
  });

  describe.each(Object.values(places))("on $name", (place) => {
    const backend = opened(place);
    // A shader compiler takes its time.
    const some = place.target === wasm || own ? names : names.slice(0, 1);
    it.each(some)("%s: has the reference's numbers", async (name) => {
      const errors = await study(name, { lengths: own }).targetErrors(place.target, backend());
      expect(errors.forward).toBeLessThan(tolerance.forward);
      expect(errors.gradient).toBeLessThan(tolerance.gradient);
    });
  });
});

/** Of the sequences that the cap is for: of a few steps, two take as much memory as all. */
const steps = 12;

/** A cap with which sequences are cut in segments of two steps. */
function capForTwo(own: readonly number[] | undefined, target: Target): number {
  const segment = (memory: number): number => {
    try {
      const { plan } = study("forward", { memory, steps, lengths: own }).compile(target, ["train"]);
      return plan.entries.train!.regions.work.segment?.length ?? steps;
    } catch {
      return 0;
    }
  };
  let [low, high] = [2 ** 13, 2 ** 15];
  for (;;) {
    const middle = Math.floor((low + high) / 2);
    const length = segment(middle);
    if (length === 2) return middle;
    if (length < 2) low = middle;
    else high = middle;
    expect(high - low).toBeGreaterThan(1);
  }
}

/** Found once for all places that keep as much in memory: textures hold less of each other's. */
const caps = new Map<string, number>();
function capOf(own: readonly number[] | undefined, target: Target): number {
  const like = target.machine.buffers === "textures" ? target : wasm;
  const key = `${like.name} ${own}`;
  const known = caps.get(key) ?? capForTwo(own, like);
  caps.set(key, known);
  return known;
}

describe.each(Object.values(places))("in segments of two steps on $name", (place) => {
  const backend = opened(place);
  it.each([undefined, lengths])("it has the reference's numbers, of sequences of lengths %s", async (own) => {
    const made = study("forward", { memory: capOf(own, place.target), steps, lengths: own });
    const errors = await made.targetErrors(place.target, backend(), ["train"]);
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(tolerance.gradient);
  });
});

describe.each([places.wasm, places.wgsl])("step by step on $name", (place) => {
  const backend = opened(place);

  it("a stream carries the sum so far", async () => {
    const { graph, dims } = compile(text("", "layer"));
    const entries = ["infer", "start", "step"] as const;
    const made = compileGraph(graph, { dims, path: "main.cell", batch: B, time: T, entries }, place.target);
    const session = await Session.open(made, backend(), { seed: 3 });
    const x = Float32Array.from(sample(T * B * D, [-1, 1], uniform(5)));
    const whole = (await session.infer({ steps: T, examples: B, inputs: { x, z: null } })).outputs;
    const stream = await session.stream();
    const y: number[] = [];
    for (let t = 0; t < T; t++) y.push(...(await stream.next({ x: x.subarray(t * B * D, (t + 1) * B * D) })).y);
    expect(relativeError(whole.y, y)).toBeLessThan(tolerance.forward);
    session.close();
  });
});

it("a running sum of what does not vary over time is refused, with its place", () => {
  const found = problemsOf(`model m(H = 4) {
  input x : [H]
  target z : [H]
  loss mse(cumsum(x), z)
}`);
  expect(codes(found)).toEqual(["C0215"]);
  expect(found[0].message).toBe("`cumsum` needs a value that varies over time");
});
