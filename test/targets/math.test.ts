import { describe, expect, it } from "vitest";
import { compile } from "watr";
import { erf } from "../../compiler/ir/error-function.ts";
import { allowRelaxedSimd } from "../../runtime/node/relaxed-simd.ts";
import { fuse } from "../../targets/wasm/fuse.ts";
import { mathText } from "../../targets/wasm/math.ts";
import { readWat, type Wat, watLines } from "../../targets/wasm/wat.ts";

const names = [
  "exp",
  "log",
  "expm1",
  "log1p",
  "erf",
  "atan",
  "tanh",
  "sigmoid",
  "softplus",
  "sin",
  "cos",
  "sign",
] as const;
type Name = (typeof names)[number];

allowRelaxedSimd();

type Apply = (name: Name, x: readonly number[] | Float32Array) => Float32Array;

/** Applies each function to an array four at a time, its text as `variant` has it. */
function applying(variant: (wat: Wat) => Wat): Apply {
  const functions = mathText(names).flatMap((text) => readWat(text).flatMap((wat) => watLines(variant(wat))));
  const module = new WebAssembly.Module(
    compile(`(module (import "env" "memory" (memory 1))
      ${functions.join("\n")}
      ${names
        .map(
          (name) => `(func (export "${name}") (param $at i32) (param $end i32)
            (loop $next
              (v128.store (local.get $at) (call $${name} (v128.load (local.get $at))))
              (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $end)))))`,
        )
        .join("\n")})`) as BufferSource,
  );
  const memory = new WebAssembly.Memory({ initial: 256 });
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return (name, x) => {
    const view = new Float32Array(memory.buffer, 0, Math.ceil(x.length / 4) * 4);
    view.set(x);
    (exports[name] as (at: number, end: number) => void)(0, view.byteLength);
    return view.slice(0, x.length);
  };
}

/** Every exponent of f32, both signs, 256 significands each, and the numbers around 0 and 1 more densely. */
function samples(): Float32Array {
  const bits: number[] = [];
  for (let exponent = 0; exponent < 255; exponent++)
    for (let i = 0; i < 256; i++) {
      const significand = Math.imul(i * 256 + exponent, 0x9e3779b1) >>> 9;
      bits.push((exponent << 23) | significand, 0x80000000 | (exponent << 23) | significand);
    }
  for (let i = -40_000; i <= 40_000; i++) {
    bits.push(...new Uint32Array(new Float32Array([i * 2.7e-3, 1 + i * 2e-5]).buffer));
  }
  return new Float32Array(new Uint32Array(bits).buffer);
}

const smallestNormal = 2 ** -126;
const smallest = 2 ** -149;

/** The largest error in units of `scale(truth)`; a result that overflows where the truth does counts as exact. */
function largestError(
  apply: Apply,
  name: Name,
  x: Float32Array,
  truth: (x: number) => number,
  scale: (y: number) => number,
) {
  const y = apply(name, x);
  let worst = { error: 0, at: 0, got: 0 };
  for (let i = 0; i < x.length; i++) {
    const wanted = truth(x[i]);
    if (y[i] === Math.fround(wanted) || (Number.isNaN(wanted) && Number.isNaN(y[i]))) continue;
    const error = Math.abs(y[i] - wanted) / scale(wanted);
    if (!(error <= worst.error)) worst = { error, at: x[i], got: y[i] };
  }
  return worst;
}

/** Relative; among the subnormals, one unit in the last place counts as 1e-7. */
const relative = (y: number): number =>
  Math.abs(y) >= smallestNormal ? Math.abs(y) : Math.max(Math.abs(y), (1.5 * smallest) / 1e-7);
const absolute = (): number => 1;

const sigmoid = (x: number): number => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x)));
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

describe.each([
  { simd: "plain", apply: applying((wat) => wat) },
  { simd: "relaxed", apply: applying(fuse) },
])("WebAssembly math with $simd SIMD", ({ apply }) => {
  describe("against f64, over all exponents", () => {
    const all = samples();
    it.each([
      ["exp", Math.exp, relative, 1.2e-7],
      ["log", Math.log, relative, 1e-7],
      ["expm1", Math.expm1, relative, 4e-7],
      ["log1p", Math.log1p, relative, 3e-7],
      ["erf", erf, relative, 5e-7],
      ["atan", Math.atan, relative, 3e-7],
      ["tanh", Math.tanh, relative, 4e-7],
      ["sigmoid", sigmoid, relative, 3e-7],
      ["softplus", softplus, relative, 4e-7],
      ["sin", Math.sin, absolute, 1.2e-7],
      ["cos", Math.cos, absolute, 1.2e-7],
      ["sign", Math.sign, absolute, 0],
    ] as const)("%s keeps its stated error", (name, truth, scale, bound) => {
      const trigonometric = name === "sin" || name === "cos";
      const x = trigonometric ? all.filter((value) => Math.abs(value) <= 2 ** 28) : all;
      const worst = largestError(apply, name, x, truth, scale);
      expect(worst.error, `at ${worst.at}: ${worst.got}`).toBeLessThanOrEqual(bound);
    });
  });

  describe("at the edges", () => {
    const inf = Number.POSITIVE_INFINITY;
    it.each<[Name, readonly number[], readonly number[]]>([
      [
        "exp",
        [0, -0, inf, -inf, 1000, -1000, 88.72, -104],
        [1, 1, inf, 0, inf, 0, Math.fround(Math.exp(Math.fround(88.72))), 0],
      ],
      ["log", [0, -0, 1, inf, -1, -inf, -1e-40], [-inf, -inf, 0, inf, Number.NaN, Number.NaN, Number.NaN]],
      [
        "expm1",
        [0, inf, -inf, 200, -200, 1e-45, -1e-20],
        [0, inf, -1, inf, -1, Math.fround(1e-45), Math.fround(-1e-20)],
      ],
      ["log1p", [0, -1, inf, -2, -inf, 1e-20], [0, -inf, inf, Number.NaN, Number.NaN, Math.fround(1e-20)]],
      ["erf", [0, inf, -inf, 4, -4, 1e30, -1e30], [0, 1, -1, 1, -1, 1, -1]],
      ["atan", [0, inf, -inf, 1e-20], [0, Math.fround(Math.PI / 2), Math.fround(-Math.PI / 2), Math.fround(1e-20)]],
      ["tanh", [0, inf, -inf, 9, -9, 1e30, 1e-45], [0, 1, -1, 1, -1, 1, Math.fround(1e-45)]],
      ["sigmoid", [0, inf, -inf, 200, -200], [0.5, 1, 0, 1, 0]],
      ["softplus", [inf, -inf, 200, -200], [inf, 0, 200, 0]],
      ["sin", [0, inf, -inf], [0, Number.NaN, Number.NaN]],
      ["cos", [0, inf, -inf], [1, Number.NaN, Number.NaN]],
      ["sign", [0, -0, 1e-45, -1e-45, inf, -inf], [0, 0, 1, -1, 1, -1]],
    ])("%s is exact", (name, x, y) => {
      expect(Array.from(apply(name, x), (value) => value + 0)).toEqual(y.map((value) => value + 0));
    });

    it.each(names.filter((name) => name !== "sign"))("%s hands NaN on", (name) => {
      expect(apply(name, [Number.NaN, 0, Number.NaN, 0]).map((y) => Number(Number.isNaN(y)))).toEqual(
        new Float32Array([1, 0, 1, 0]),
      );
    });

    it("sin and cos of numbers too large to be angles stay within -1 and 1", () => {
      const huge = samples().filter((x) => Math.abs(x) > 2 ** 28);
      for (const name of ["sin", "cos"] as const)
        for (const y of apply(name, huge)) expect(Math.abs(y)).toBeLessThanOrEqual(1);
    });
  });
});
