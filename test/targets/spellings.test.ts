import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { atom } from "../../compiler/kernel-ir/c-text.ts";
import type { FloatType, KExpr, Kernel } from "../../compiler/kernel-ir/types.ts";
import { cFunctionNames } from "../../targets/shared/c-functions.ts";
import { type MathOp, type Spelling, spellings } from "../../targets/spellings.ts";
import { kernel, lanes, load, load4, math, math4, plus, store, store4, times, v } from "./build.ts";
import { openDevice } from "./gpu.ts";
import { allowance, meaning, type Target } from "./meaning.ts";
import { type Memory, runWasm, runWgsl } from "./run.ts";
import { runTexels } from "./run-glsl.ts";

const ops = Object.keys(spellings) as MathOp[];
const count = 256;
const index = v("i");

/** Three operands for every op: the whole middle range, then large ones where the op stays finite. */
function operand(op: MathOp, at: number, i: number): number {
  const spread = ((i * 37 + at * 101) % count) / count;
  const saturating = ["erf", "atan", "tanh", "sigmoid", "softplus"].includes(op);
  let x = (spread - 0.5) * (saturating && i % 4 === 0 ? 400 : 24);
  if (i % 16 === 3) x *= 1e-4;
  // Equal operands and zeros, for the comparisons and for select.
  if (i % 8 === 5 && ["lt", "le", "gt", "ge", "eq", "ne", "select", "sign", "max", "floor"].includes(op))
    x = at === 1 ? 1 : i % 3;
  if (op === "finite" && i % 8 === 5)
    x = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -3.4e38][(i >> 3) % 4];
  if (["log", "sqrt", "rsqrt"].includes(op)) x = Math.abs(x) + 1e-3;
  if (op === "log1p") x = Math.abs(x) - 0.999;
  if (["div", "recip"].includes(op) && Math.abs(x) < 1e-3) x = 0.5;
  if (op === "sin" || op === "cos") x *= i % 4 === 0 ? 400 : 1;
  return Math.fround(x);
}

const input = new Float32Array(ops.length * 3 * count);
ops.forEach((op, o) => {
  for (let at = 0; at < 3; at++) for (let i = 0; i < count; i++) input[(o * 3 + at) * count + i] = operand(op, at, i);
});

/** work[o · count + i] = op(input …) for every op o. */
const scalar: Kernel = kernel({
  body: [
    lanes(
      "i",
      0,
      count,
      ops.map((op, o) => {
        const args = [0, 1, 2]
          .slice(0, spellings[op].arity)
          .map((at) => load("input", plus((o * 3 + at) * count, index)));
        return store("work", plus(o * count, index), math(op, ...args));
      }),
    ),
  ],
});
const vector: Kernel = kernel({
  body: [
    lanes(
      "i",
      0,
      count / 4,
      ops.map((op, o) => {
        const four = times(index, 4);
        const args = [0, 1, 2]
          .slice(0, spellings[op].arity)
          .map((at) => load4("input", plus((o * 3 + at) * count, four)));
        return store4("work", plus(o * count, four), math4(op, ...args));
      }),
    ),
  ],
});

/** A kernel of texels for each op: four elements at once, or one after another. */
const texels = (type: FloatType): readonly Kernel[] =>
  ops.map((op, o): Kernel => {
    const texel: KExpr = times({ k: "group", axis: 0 }, 4);
    const from = (at: number, lane: number): KExpr => plus((o * 3 + at) * count + lane, texel);
    const operands = [0, 1, 2].slice(0, spellings[op].arity);
    const one = (lane: number): KExpr => math(op, ...operands.map((at) => load("input", from(at, lane))));
    const value: KExpr =
      type === "f32x4"
        ? math4(op, ...operands.map((at) => load4("input", from(at, 0))))
        : { k: "vec4", lanes: [one(0), one(1), one(2), one(3)] };
    return {
      ...kernel({ body: [lanes("i", 0, 1, [store4(`of_${op}`, texel, value)])] }),
      name: `of_${op}`,
      lanes: 1,
      grid: [
        { fixed: count / 4, perStep: 0 },
        { fixed: 1, perStep: 0 },
        { fixed: 1, perStep: 0 },
      ],
      regions: [
        { region: "input", access: "read" },
        {
          region: `of_${op}`,
          access: "read_write",
          texture: { size: count, frames: false, alternate: false, stacked: false },
        },
      ],
    };
  });

const results = new Map<string, Float32Array>();
let device: GPUDevice;
const runners: Readonly<Record<Target, (probe: Kernel, memory: Memory, type: FloatType) => Promise<Memory>>> = {
  wasm: (probe, memory) => runWasm(probe, memory),
  wgsl: (probe, memory) => runWgsl(device, probe, memory),
  async glsl(_probe, memory, type) {
    const found = await runTexels(texels(type), count, memory.input);
    return { work: Float32Array.from(found.flatMap((data) => [...data])) };
  },
};
beforeAll(async () => {
  device = await openDevice();
  const memory = { input, work: new Float32Array(ops.length * count) };
  for (const [type, probe] of [
    ["f32", scalar],
    ["f32x4", vector],
  ] as const)
    for (const [target, run] of Object.entries(runners))
      results.set(`${target} ${type}`, (await run(probe, memory, type)).work);
});
afterAll(() => device?.destroy());

describe.each(Object.keys(runners) as readonly Target[])("%s computes each op as f64 does", (target) => {
  it.each(ops.flatMap((op, o) => [[op, "f32", o] as const, [op, "f32x4", o] as const]))("%s on %s", (op, type, o) => {
    const got = (results.get(`${target} ${type}`) as Float32Array).subarray(o * count, (o + 1) * count);
    const distinct = new Set<number>();
    for (let i = 0; i < count; i++) {
      const args = [0, 1, 2].slice(0, spellings[op].arity).map((at) => input[(o * 3 + at) * count + i]);
      const wanted = meaning[op](...args);
      distinct.add(wanted);
      const error = Math.abs(got[i] - wanted);
      expect(error, `${op}(${args.join(", ")}) = ${got[i]}, not ${wanted}`).toBeLessThanOrEqual(
        allowance(op, target, args[0], wanted),
      );
    }
    expect(distinct.size).toBeGreaterThan(1);
  });
});

describe("glsl spells each op", () => {
  /** Functions of GLSL ES 3.00, and those of `c-functions.ts`. */
  const functions = new Set([
    ...[
      "float",
      "vec4",
      "exp",
      "log",
      "sqrt",
      "inversesqrt",
      "abs",
      "floor",
      "sign",
      "sin",
      "cos",
      "max",
      "min",
      "mix",
    ],
    ...["floatBitsToUint", "uint", "uvec4"],
    ...["lessThan", "lessThanEqual", "greaterThan", "greaterThanEqual", "equal", "notEqual"],
    ...cFunctionNames,
  ]);
  it.each(ops)("%s with every operand once, by functions that GLSL has", (op) => {
    for (const [type, F] of [
      ["f32", "float"],
      ["f32x4", "vec4"],
    ] as const) {
      const operands = ["a", "b", "c"].slice(0, spellings[op].arity);
      const { text } = (spellings[op] as Spelling).glsl(operands.map(atom), type, F);
      for (const name of operands) expect(text.match(new RegExp(`\\b${name}\\b`, "g")), text).toHaveLength(1);
      for (const [, name] of text.matchAll(/(\w+)\(/g)) expect(functions, text).toContain(name);
    }
  });
});
