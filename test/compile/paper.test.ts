/** Claims of Cooijmans et al. 2016, or consequences of them by algebra, checked for the compiler. */

import { describe, expect, it } from "vitest";
import { fileHost } from "../../cli/api/file-host.ts";
import { sharedTensors } from "../../compiler/buffers/shared.ts";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import { lower } from "../../compiler/lower.ts";
import { elaborate } from "../../compiler/semantics/elaborate.ts";
import { compile } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

/** The paper's models (section 5): with sequences of T steps, what they learn and what they keep to infer with. */
const models: readonly {
  readonly file: string;
  readonly dims: Readonly<Record<string, number>>;
  readonly T: number;
  readonly parameters: number;
  readonly statistics: number;
}[] = [
  { file: "smnist", dims: {}, T: 784, parameters: 43_010, statistics: 784 * 900 * 2 },
  { file: "characters", dims: {}, T: 99, parameters: 4_266_050, statistics: 99 * 9000 * 2 },
  { file: "characters", dims: { V: 27, H: 2000 }, T: 179, parameters: 16_302_027, statistics: 179 * 18_000 * 2 },
];

it.each(models)(
  "$file $dims has $parameters parameters, γ, β and first states among them, and $statistics statistics",
  ({ file, dims, T, parameters, statistics }) => {
    const { graph, dims: bound } = elaborate(`examples/paper/${file}.cell`, fileHost, { dims });
    const { tensors } = sharedTensors(lower(graph, {}, []).placed, { ...bound, steps: T }, []);
    const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
    let learned = 0;
    let kept = 0;
    for (const { role, shape } of tensors) {
      if (role.kind === "param") learned += count(shape);
      if (role.kind === "stat") kept += role.steps * count(shape);
    }
    expect(learned).toBe(parameters);
    expect(kept).toBe(statistics);
  },
);

const [D, H, B, T] = [2, 3, 5, 3];

/**
 * The paper's cell, with what shows what goes through its norms: an output of each site's value, and an input added to it, whose
 * gradient is therefore that of the value. ε is large, so that f32 sees what is not zero because of it.
 */
const shown = compile(`cell shown(D = ${D}, H = ${H}) {
  param Wx : [D, 4H] = orthogonal
  param Wh : [H, 4H] = orthogonal
  param b  : [4H]    = blocks(0, 1, 0, 0)
  param h0 : [H]     = 0
  param c0 : [H]     = 0
  input x    : [D]
  input u_hh : [4H]
  input u_xh : [4H]
  input u_cc : [H]
  state h : [H] = h0 + noise(0.1)
  state c : [H] = c0
  v_hh = h @ Wh + u_hh
  v_xh = x @ Wx + u_xh
  site hh = v_hh
  site xh = v_xh
  g, f, i, o = split(hh + xh + b, 4)
  c' = sigmoid(f) * c + sigmoid(i) * tanh(g)
  v_cc = c' + u_cc
  site cc = v_cc
  h' = sigmoid(o) * tanh(cc)
  output h', v_hh, v_xh, v_cc
  place hh, xh : batch(gamma = 0.1, beta = none, eps = 0.1)
  place cc     : batch(gamma = 0.1, eps = 0.1)
}`);

const sites = { hh: 4 * H, xh: 4 * H, cc: H };
const eps = 0.1;

type Found = ReadonlyMap<string, ArrayLike<number>>;

/** The cell on some numbers; the loss depends on the sites' values through the norms alone. */
function study(numbers: Readonly<Record<string, ArrayLike<number>>> = {}): Study {
  const apart = Object.entries(sites).flatMap(([site, width]) => [
    [`d_v_${site}`, new Float64Array(T * B * width)],
    [`u_${site}`, new Float64Array(T * B * width)],
  ]);
  const { graph, dims } = shown;
  return new Study(graph, {
    dims,
    batch: B,
    time: T,
    entries: ["train"],
    numbers: { ...Object.fromEntries(apart), ...numbers },
  });
}

/** A result, or the gradient of an input or a parameter, as the reference or a target names it. */
function result(found: Found, name: string): ArrayLike<number> {
  const numbers = found.get(name) ?? found.get(name.replace("grad:", "output:d_"));
  if (numbers === undefined) throw new Error(`there is no ${name}`);
  return numbers;
}

const largest = (numbers: ArrayLike<number>): number => Math.max(...Array.from(numbers, Math.abs));

/** For each step and unit, the sum over the batch of `term` of an element's place in [T, B, width] and in [T, width]. */
function overBatch(width: number, term: (at: number, row: number) => number): Float64Array {
  const sums = new Float64Array(T * width);
  for (let at = 0; at < T * B * width; at++) {
    const row = Math.floor(at / (B * width)) * width + (at % width);
    sums[row] += term(at, row);
  }
  return sums;
}

/** Eq. 5 and its derivative: what the gradients of a norm's input add up to. */
function expectIdentities(found: Found, gains: Study["numbers"]): void {
  for (const [site, width] of Object.entries(sites)) {
    const dx = result(found, `grad:u_${site}`);
    expect(largest(dx), site).toBeGreaterThan(1e-4);
    const sums = overBatch(width, (at) => dx[at]);
    expect(largest(sums), `${site}: Σ dx`).toBeLessThan(tolerance.gradient * largest(dx));

    // Σ_i dx ⊙ x̂ = γ / √(v + ε) · Σ_i (dy ⊙ x̂) · ε / (v + ε), where dγ = Σ_t Σ_i dy ⊙ x̂.
    const [x, m, v] = [`output:v_${site}`, `batch_stat:${site}/m`, `batch_stat:${site}/v`].map((name) =>
      result(found, name),
    );
    const scaled = overBatch(width, (at, row) => dx[at] * (x[at] - m[row]) * (v[row] + eps));
    const left = Array.from({ length: width }, (_, k) =>
      Array.from({ length: T }, (_, t) => scaled[t * width + k]).reduce((a, b) => a + b),
    );
    const dGain = result(found, `grad:${site}/g`);
    const right = left.map((_, k) => gains[`${site}/g`][k] * eps * dGain[k]);
    expect(largest(right), site).toBeGreaterThan(1e-5);
    expect(relativeError(left, right, 1e-4), `${site}: Σ dx ⊙ x̂`).toBeLessThan(tolerance.gradient);
  }
}

function expectDeadState(found: Found): void {
  const [h0, c0, b] = ["h0", "c0", "b"].map((name) => largest(result(found, `grad:${name}`)));
  expect(h0).toBeLessThan(1e-6 * Math.max(c0, b, 0.1));
  expect(c0).toBeGreaterThan(1e-4);
}

/** The first step alike for all examples, and so is the first state: variances of nothing. */
const alike = (): Study =>
  study({
    "noise/h": new Float64Array(B * H),
    x: Float64Array.from({ length: T * B * D }, (_, k) => Math.sin(k < B * D ? k % D : k)),
  });

function expectFinite(found: Found): void {
  for (const [key, numbers] of found) expect(Array.from(numbers).every(Number.isFinite), key).toBe(true);
  const v = Array.from(result(found, "batch_stat:hh/v"));
  expect(largest(v.slice(0, 2 * sites.hh))).toBeLessThan(1e-12);
  expect(Math.min(...v.slice(2 * sites.hh))).toBeGreaterThan(0);
}

const reference = { name: "the reference", run: async (s: Study): Promise<Found> => s.reference("train") };

describe.each([reference, ...Object.values(places)])("in $name", (place) => {
  const backend = "open" in place ? opened(place) : undefined;
  const train = async (s: Study): Promise<Found> =>
    "open" in place ? (await s.run(place.target, backend!(), ["train"])).get("train")! : place.run(s);

  it("gradients of a norm's input, at hh, xh and cc, add up to what the paper's equation says", async () => {
    const s = study();
    expectIdentities(await train(s), s.numbers);
  });

  it("the gradient of h0 is zero with a norm at hh, also with noise, and that of c0 is not", async () => {
    expectDeadState(await train(study()));
  });

  it("steps whose variances are zero leave all results and gradients finite", async () => {
    expectFinite(await train(alike()));
  });
});
