/** Gradients with respect to states, against those of inputs that are added to the states: what a push at one step would do. */
import { describe, expect, it } from "vitest";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import { Session } from "../../runtime/session.ts";
import { uniform as randomUniform } from "../ir/numbers.ts";
import { executableOf } from "../runtime/compiled.ts";
import { compile } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

/** An LSTM whose states can be pushed at each step, by `eh` and `ec`. */
const lstm = `cell pushed(D = 3, H = 4) {
  param Wx : [D, 4H] = orthogonal
  param Wh : [H, 4H] = orthogonal
  param b  : [4H]    = 0
  input x  : [D]
  input eh : [H]
  input ec : [H]
  state h  : [H] = noise(0.5)
  state c  : [H] = 0
  site hh = h @ Wh
  f, i, o, g = split(hh + x @ Wx + b, 4)
  c' = sigmoid(f) * c + sigmoid(i) * tanh(g) + ec
  site cc = c'
  h' = sigmoid(o) * tanh(cc) + eh
  output h'
  place hh : batch(gamma = 0.7)
  place cc : batch
}
`;

/** Two scans of one cell, the second from the last step to the first, and a loss that the first step of it decides. */
const stacked = `cell pushed(D = 3, H = 4) {
  param Wx : [D, H] = orthogonal
  param Wh : [H, H] = orthogonal
  input x : [D]
  input e : [H]
  state h : [H] = 0
  site a = h @ Wh + x @ Wx
  h' = tanh(a) + e
  output h'
  place a : layer(gamma = 0.8)
}
model both(D = 3, H = 4) {
  input x : [D] over time
  input e : [H] over time
  input e2 : [H] over time
  target y : index(4)
  below = scan pushed(D, H) over x, e
  above = scan pushed(H, H) over below, e2 reverse
  loss cross_entropy(first(above), y)
}
`;

const cases = [
  { name: "an LSTM with batch norms", text: lstm, pushes: { h: "eh", c: "ec" }, reverse: [], seed: 4 },
  {
    name: "two scans with layer norms, one in reverse",
    text: stacked,
    pushes: { h: "e", h_2: "e2" },
    reverse: ["h_2"],
    seed: 5,
  },
] as const;

/** The four steps of a sequence from the last to the first. */
const backward = (data: Float64Array): Float64Array => {
  const step = data.length / 4;
  return Float64Array.from([3, 2, 1, 0].flatMap((t) => [...data.subarray(t * step, (t + 1) * step)]));
};

const studyOf = ({ text, seed }: (typeof cases)[number]): Study => {
  const { graph } = compile(text);
  return new Study(graph, { dims: { D: 3, H: 4 }, batch: 5, time: 4, stateGradients: true, seed });
};

describe.each(cases)("state gradients of $name", (chosen) => {
  const study = studyOf(chosen);

  it("are those of a push at each step, which differences confirm", () => {
    const results = study.reference("train");
    expect(study.differenceError(Object.values(chosen.pushes))).toBeLessThan(tolerance.differences);
    for (const [state, push] of Object.entries(chosen.pushes)) {
      const gradient = results.get(`grad:state/${state}`)!;
      expect(gradient.length).toBe(4 * 5 * 4);
      expect(gradient.every((g) => g !== 0)).toBe(true);
      // Of a loop that begins at the end, in the order of the loop.
      const pushed = results.get(`grad:${push}`)!;
      const inOrder = (chosen.reverse as readonly string[]).includes(state) ? backward(pushed) : pushed;
      expect(relativeError(gradient, inOrder)).toBeLessThan(1e-12);
    }
    expect([...results.keys()].filter((key) => key.startsWith("grad:state/"))).toHaveLength(2);
  });

  describe.each([places.wasm, places.wgsl])("on $name", (place) => {
    const backend = opened(place);
    it("are those of the reference", async () => {
      const { gradient } = await study.targetErrors(place.target, backend(), ["train"]);
      expect(gradient).toBeLessThan(tolerance.gradient);
    });
  });
});

/** The LSTM, and a loss of its last step. */
const memory = `model remembered(D = 3, H = 4) {
  input x : [D] over time
  input e : [H] over time
  input e2 : [H] over time
  target y : index(4)
  hs = scan pushed(D, H) over x, e, e2
  loss cross_entropy(last(hs), y)
}
${lstm.replace(" = noise(0.5)", " = 0.5").replaceAll("batch", "layer")}`;

it.each([
  ["two scans, one in reverse", stacked, ["h", "h_2"]],
  ["an LSTM, whose c is read in its own step", memory, ["h", "c"]],
])(
  "those of %s, in a batch of different lengths, are at the steps that an example has those of each example alone",
  async (_, text, states) => {
    const options = { dims: { D: 3, H: 4 }, stateGradients: true };
    const backend = await places.wasm.open();
    const lengths = [2, 4, 3];
    const uniform = randomUniform(8);
    const numbers = (count: number) => Float32Array.from({ length: count }, () => 2 * uniform() - 1);
    const inputs: Readonly<Record<"x" | "e" | "e2" | "y", Float32Array>> = {
      ...{ x: numbers(4 * 3 * 3), e: numbers(4 * 3 * 4), e2: numbers(4 * 3 * 4), y: Float32Array.of(1, 3, 0) },
    };
    const all = await Session.open(executableOf(text, { ...options, batch: 3, ragged: true }), backend, { seed: 2 });
    await all.run("train", { inputs, steps: 4, examples: 3, lengths });
    const one = await Session.open(executableOf(text, { ...options, batch: 1 }), backend, { seed: 2 });
    for (const state of states) {
      const together = await all.read(`d_state/${state}`);
      for (const [example, steps] of lengths.entries()) {
        const of = (name: keyof typeof inputs, width: number) =>
          Float32Array.from(
            { length: steps * width },
            (_, i) => inputs[name][(Math.floor(i / width) * 3 + example) * width + (i % width)],
          );
        const own = { x: of("x", 3), e: of("e", 4), e2: of("e2", 4), y: inputs.y.subarray(example, example + 1) };
        await one.run("train", { inputs: own, steps, examples: 1 });
        const alone = await one.read(`d_state/${state}`);
        // The loss is the mean over the three.
        const share = Float32Array.from(alone, (_, i) => 3 * together[(Math.floor(i / 4) * 3 + example) * 4 + (i % 4)]);
        expect(alone.some((value) => value !== 0)).toBe(true);
        expect(relativeError(share, alone)).toBeLessThan(tolerance.gradient);
      }
    }
    backend.close();
  },
);

it("a cell without parameters has state gradients, too", () => {
  const { graph } = compile(`cell leaky(H = 3) {
  input x : [H]
  state h : [H] = 0
  h' = 0.5 * h + x
  output h'
}
`);
  const study = new Study(graph, { dims: { H: 3 }, batch: 2, time: 3, stateGradients: true });
  const gradient = study.reference("train").get("grad:state/h")!;
  expect(relativeError(gradient, study.reference("train").get("grad:x")!)).toBeLessThan(1e-12);
});
