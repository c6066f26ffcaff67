import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { KExpr } from "../../compiler/kernel-ir/types.ts";
import { type MathOp, spellings } from "../../targets/spellings.ts";
import * as b from "./build.ts";
import { openDevice } from "./gpu.ts";
import { bounds } from "./intervals.ts";
import type { Target } from "./meaning.ts";
import { type Memory, runWasm, runWgsl } from "./run.ts";
import { noise } from "./samples.ts";

const runs = 8;
const input = noise(64, 5).map((x, at) => (at % 7 === 0 ? Math.round(3 * x) : 4 * x));
const i = b.v("i");

/** Expressions over the input, floats and vectors in each other, of at most this depth. */
const { scalar, vector } = fc.letrec<{ scalar: KExpr; vector: KExpr }>((tie) => {
  const options = { maxDepth: 4, depthSize: "small", withCrossShrink: true } as const;
  const operation = (type: "f32" | "f32x4", operand: fc.Arbitrary<KExpr>): fc.Arbitrary<KExpr> =>
    fc
      .constantFrom(...(Object.keys(spellings) as MathOp[]))
      .chain((op) =>
        fc
          .tuple(...Array.from({ length: spellings[op].arity }, () => operand))
          .map((args) => ({ k: "math", op, type, args })),
      );
  const index = fc.tuple(fc.nat(3), fc.nat(24)).map(([stride, start]) => b.plus(b.times(i, stride), start));
  const fused = (type: "f32" | "f32x4", operand: fc.Arbitrary<KExpr>): fc.Arbitrary<KExpr> =>
    fc.tuple(operand, operand, operand).map(([x, y, z]) => ({ k: "fma", type, a: x, b: y, c: z }));
  const number = fc.constantFrom(0, 1, -1, 0.1, 2.5, -3, 1e-3);
  return {
    scalar: fc.oneof(
      options,
      index.map((at) => b.load("input", at)),
      // A constant is hidden behind a load: WGSL evaluates constant expressions itself, and refuses those that overflow.
      fc.tuple(index, number).map(([at, x]) => b.math("add", b.math("mul", b.load("input", at), b.f(0)), b.f(x))),
      fc.nat(5).map((n): KExpr => ({ k: "toFloat", a: b.plus(b.times(i, n), 2) })),
      operation("f32", tie("scalar")),
      fused("f32", tie("scalar")),
      fc
        .tuple(tie("vector"), fc.constantFrom("add" as const, "max" as const))
        .map(([a, op]): KExpr => ({ k: "across", op, a })),
      fc.tuple(tie("vector"), fc.constantFrom(0, 1, 2, 3)).map(([a, lane]) => ({ k: "extract", a, lane }) as KExpr),
    ),
    vector: fc.oneof(
      options,
      index.map((at) => b.load4("input", at)),
      index.map((at) => b.splat(b.load("input", at))),
      operation("f32x4", tie("vector")),
      fused("f32x4", tie("vector")),
      tie("scalar").map(b.splat),
      fc
        .tuple(tie("scalar"), tie("scalar"), tie("scalar"), tie("scalar"))
        .map((lanes): KExpr => ({ k: "vec4", lanes })),
    ),
  };
});

const programs = fc.array(fc.oneof(scalar, vector), { minLength: 6, maxLength: 12 });

/** work[(n · runs + i) · 4 …] = the value of expression n for i. */
const kernelOf = (expressions: readonly KExpr[]) =>
  b.kernel({
    lanes: 4,
    body: [
      b.lanes(
        "i",
        0,
        runs,
        expressions.map((e, n) => {
          const at = b.plus(b.times(i, 4), n * runs * 4);
          return isVector(e) ? b.store4("work", at, e) : b.store("work", at, e);
        }),
      ),
    ],
  });

const isVector = (e: KExpr): boolean => e.k === "splat" || e.k === "vec4" || ("type" in e && e.type === "f32x4");

let [judged, all] = [0, 0];

function judge(expressions: readonly KExpr[], { work }: Memory, target: Target): void {
  expressions.forEach((e, n) => {
    for (let at = 0; at < runs; at++)
      for (let lane = 0; lane < (isVector(e) ? 4 : 1); lane++) {
        const interval = bounds(e, lane, input, at, target);
        all++;
        if (interval === undefined || interval[1] - interval[0] > 1e-2 * Math.max(1, Math.abs(interval[0]))) continue;
        judged++;
        const got = work[(n * runs + at) * 4 + lane];
        const inside = got >= interval[0] && got <= interval[1];
        expect(inside, `${JSON.stringify(e)} for i = ${at}, lane ${lane}: ${got}, not in [${interval}]`).toBe(true);
      }
  });
}

describe("random expressions evaluate to what f64 says, within the target's accuracy,", () => {
  let device: GPUDevice;
  beforeAll(async () => {
    device = await openDevice();
  });
  afterAll(() => device?.destroy());

  const memoryFor = (expressions: readonly KExpr[]) => ({
    input,
    work: new Float32Array(expressions.length * runs * 4),
  });
  const enough = (): void => {
    expect(judged / all).toBeGreaterThan(0.5);
    [judged, all] = [0, 0];
  };

  it("in WebAssembly", async () => {
    await fc.assert(
      fc.asyncProperty(programs, async (expressions) => {
        judge(expressions, await runWasm(kernelOf(expressions), memoryFor(expressions)), "wasm");
      }),
      { numRuns: 100 },
    );
    enough();
  });

  it("on WebGPU", async () => {
    await fc.assert(
      fc.asyncProperty(programs, async (expressions) => {
        judge(expressions, await runWgsl(device, kernelOf(expressions), memoryFor(expressions)), "wgsl");
      }),
      { numRuns: 25 },
    );
    enough();
  });
});
