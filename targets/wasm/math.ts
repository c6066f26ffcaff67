import { f32Digits } from "../../compiler/kernel-ir/literals.ts";
import { atanFit, cosFit, erfFit, expm1Fit, log1pFit, sinFit, tanhFit } from "../shared/approximations.ts";

/**
 * The functions WebAssembly lacks, each written once on four floats. Bounds are relative errors where the result is a
 * normal number, measured by test/targets/math.test.ts; by default NaN gives NaN.
 */
interface MathFunction {
  readonly text: string;
  /** Functions its text calls. */
  readonly calls?: readonly string[];
}

const k = (value: number | string): string => {
  const digits = typeof value === "number" ? f32Digits(value).replace(/\.0$/, "") : value;
  return `(v128.const f32x4 ${digits} ${digits} ${digits} ${digits})`;
};
const ki = (value: number | string): string => `(v128.const i32x4 ${value} ${value} ${value} ${value})`;
const kd = (value: number | string): string => `(v128.const f64x2 ${value} ${value})`;

/** Lines that set `p` to a polynomial in `z` by Horner's scheme; coefficients lowest power first. */
function horner(p: string, z: string, coefficients: readonly number[], type = "f32x4", constant = k): string {
  const lines = [`(local.set ${p} ${constant(coefficients[coefficients.length - 1])})`];
  for (const c of coefficients.slice(0, -1).reverse())
    lines.push(`(local.set ${p} (${type}.add (${type}.mul (local.get ${p}) (local.get ${z})) ${constant(c)}))`);
  return lines.join("\n  ");
}

/** exp r for |r| ≤ log(2)/2: 1 + r + r²·P(r) with Cephes' expf's P. */
const expFit = [
  1, 1, 5.0000001201e-1, 1.6666665459e-1, 4.1665795894e-2, 8.3334519073e-3, 1.3981999507e-3, 1.98756915e-4,
];

/** Adding it rounds to a whole number. */
const SHIFT = 1.5 * 2 ** 23;

/** r = x − n·log 2, log 2 in two parts. */
const remainder = `(local.set $r (f32x4.sub (local.get $x) (f32x4.mul (local.get $n) ${k(0.693359375)})))
  (local.set $r (f32x4.sub (local.get $r) (f32x4.mul (local.get $n) ${k(-2.1219444e-4)})))`;

const trigonometric = (name: "sin" | "cos"): MathFunction => ({
  calls: ["sin_quarter"],
  text: `
;; ${name} x, absolute error 1.2e-7 for |x| ≤ 2^28; beyond, floats are too far apart to mean an angle.
(func $${name} (param $x v128) (result v128)
  (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23
    (f32x4.demote_f64x2_zero
      (call $sin_quarter (f64x2.promote_low_f32x4 (local.get $x)) ${kd(name === "sin" ? 0 : 1)}))
    (f32x4.demote_f64x2_zero
      (call $sin_quarter
        (f64x2.promote_low_f32x4
          (i8x16.shuffle 8 9 10 11 12 13 14 15 8 9 10 11 12 13 14 15 (local.get $x) (local.get $x)))
        ${kd(name === "sin" ? 0 : 1)}))))`,
});

export const mathFunctions: Readonly<Record<string, MathFunction>> = {
  exp: {
    text: `
;; exp x = 2^n · exp r with n whole and |r| ≤ log(2)/2; relative error 1.2e-7. 2^n is applied in two halves, so that results
;; overflow to infinity and fade through the subnormals to 0. Added to 1.5·2^23, n stands in the lowest bits.
(func $exp (param $x v128) (result v128)
  (local $n v128) (local $r v128) (local $p v128) (local $half v128)
  (local.set $x (f32x4.pmax (f32x4.pmin (local.get $x) ${k(89)}) ${k(-104.5)}))
  (local.set $half (f32x4.add (f32x4.mul (local.get $x) ${k(Math.LOG2E)}) ${k(SHIFT)}))
  (local.set $n (f32x4.sub (local.get $half) ${k(SHIFT)}))
  ${remainder}
  ${horner("$p", "$r", expFit)}
  (local.set $n (i32x4.sub (local.get $half) ${k(SHIFT)}))
  (local.set $half (i32x4.shr_s (local.get $n) (i32.const 1)))
  (f32x4.mul
    (f32x4.mul
      (local.get $p)
      (i32x4.shl (i32x4.add (local.get $half) ${ki(127)}) (i32.const 23)))
    (i32x4.shl (i32x4.add (i32x4.sub (local.get $n) (local.get $half)) ${ki(127)}) (i32.const 23))))`,
  },
  log: {
    text: `
;; log x = k·log 2 + log(1 + f) with 1 + f in [√½, √2), as FreeBSD's e_logf.c; relative error 1e-7. log 0 = -∞, log of a
;; negative number is NaN. Subnormals are scaled up first.
(func $log (param $x v128) (result v128)
  (local $small v128) (local $bits v128) (local $k v128) (local $f v128) (local $s v128) (local $z v128) (local $r v128)
  (local $h v128)
  (local.set $small (f32x4.lt (local.get $x) ${k("0x1p-126")}))
  (local.set $bits
    (v128.bitselect (f32x4.mul (local.get $x) ${k("0x1p25")}) (local.get $x) (local.get $small)))
  (local.set $bits (i32x4.add (local.get $bits) ${ki("0x004afb0d")}))
  (local.set $k (i32x4.sub (i32x4.shr_s (local.get $bits) (i32.const 23)) ${ki(127)}))
  (local.set $k
    (f32x4.convert_i32x4_s (i32x4.sub (local.get $k) (v128.and (local.get $small) ${ki(25)}))))
  (local.set $f
    (f32x4.sub
      (i32x4.add (v128.and (local.get $bits) ${ki("0x007fffff")}) ${ki("0x3f3504f3")})
      ${k(1)}))
  (local.set $s (f32x4.div (local.get $f) (f32x4.add ${k(2)} (local.get $f))))
  (local.set $z (f32x4.mul (local.get $s) (local.get $s)))
  ${horner("$r", "$z", [0.66666662693, 0.40000972152, 0.28498786688, 0.24279078841])}
  (local.set $r (f32x4.mul (local.get $r) (local.get $z)))
  (local.set $h (f32x4.mul (f32x4.mul ${k(0.5)} (local.get $f)) (local.get $f)))
  (local.set $r (f32x4.mul (local.get $s) (f32x4.add (local.get $h) (local.get $r))))
  (local.set $r (f32x4.add (local.get $r) (f32x4.mul (local.get $k) ${k(9.0580006145e-6)})))
  (local.set $r (f32x4.add (f32x4.sub (local.get $r) (local.get $h)) (local.get $f)))
  (local.set $r (f32x4.add (local.get $r) (f32x4.mul (local.get $k) ${k(0.69313812256)})))
  ;; Infinity and NaN stay as they are.
  (local.set $r (v128.bitselect (local.get $r) (local.get $x) (f32x4.lt (local.get $x) ${k("inf")})))
  (local.set $r (v128.bitselect ${k("-inf")} (local.get $r) (f32x4.eq (local.get $x) ${k(0)})))
  (v128.or (local.get $r) (f32x4.lt (local.get $x) ${k(0)})))`,
  },
  tanh: {
    text: `
;; tanh x ≈ x·(P(x²)/Q(x²)); relative error 4e-7 everywhere, exactly ±1 from ${tanhFit.limit} on.
(func $tanh (param $x v128) (result v128)
  (local $z v128) (local $p v128) (local $q v128)
  (local.set $x (f32x4.pmax (f32x4.pmin (local.get $x) ${k(tanhFit.limit)}) ${k(-tanhFit.limit)}))
  (local.set $z (f32x4.mul (local.get $x) (local.get $x)))
  ${horner("$p", "$z", tanhFit.numerator)}
  ${horner("$q", "$z", tanhFit.denominator)}
  (f32x4.mul (local.get $x) (f32x4.div (local.get $p) (local.get $q))))`,
  },
  sigmoid: {
    text: `
;; 1/(1 + e) for x ≥ 0 and e/(1 + e) for x < 0, where e = exp(-|x|) never overflows; relative error 3e-7. As exp, but
;; with n ≤ 0 one number is enough for 2^n: 2^(n + 64), of which 2^-64 is taken at the end.
(func $sigmoid (param $x v128) (result v128)
  (local $n v128) (local $r v128) (local $p v128) (local $e v128)
  (local.set $e (f32x4.pmax (v128.or (local.get $x) ${k("-0")}) ${k(-104.5)}))
  (local.set $p (f32x4.add (f32x4.mul (local.get $e) ${k(Math.LOG2E)}) ${k(SHIFT)}))
  (local.set $n (f32x4.sub (local.get $p) ${k(SHIFT)}))
  ${remainder.replaceAll("$x", "$e")}
  (local.set $n (i32x4.add (i32x4.shl (local.get $p) (i32.const 23)) ${k(2 ** 64)}))
  ${horner("$p", "$r", expFit)}
  (local.set $e (f32x4.mul (f32x4.mul (local.get $p) (local.get $n)) ${k(2 ** -64)}))
  (f32x4.div
    (v128.bitselect (local.get $e) ${k(1)} (f32x4.lt (local.get $x) ${k(0)}))
    (f32x4.add ${k(1)} (local.get $e))))`,
  },
  softplus: {
    calls: ["exp"],
    text: `
;; log(1 + exp x) = max(x, 0) + 2 atanh s, with e = exp(-|x|) and s = e/(2 + e); relative error 4e-7.
(func $softplus (param $x v128) (result v128)
  (local $e v128) (local $s v128) (local $z v128) (local $r v128)
  (local.set $e (call $exp (f32x4.neg (f32x4.abs (local.get $x)))))
  (local.set $s (f32x4.div (local.get $e) (f32x4.add ${k(2)} (local.get $e))))
  (local.set $z (f32x4.mul (local.get $s) (local.get $s)))
  ${horner("$r", "$z", log1pFit)}
  (f32x4.add
    (f32x4.pmax (local.get $x) ${k(0)})
    (f32x4.add
      (f32x4.mul ${k(2)} (local.get $s))
      (f32x4.mul (f32x4.mul (local.get $s) (local.get $z)) (local.get $r)))))`,
  },
  expm1: {
    calls: ["exp"],
    text: `
;; exp x - 1; for |x| < 0.5 x + x²·R(x); relative error 4e-7.
(func $expm1 (param $x v128) (result v128)
  (local $r v128)
  ${horner("$r", "$x", expm1Fit)}
  (v128.bitselect
    (f32x4.add
      (local.get $x)
      (f32x4.mul (f32x4.mul (local.get $x) (local.get $x)) (local.get $r)))
    (f32x4.sub (call $exp (local.get $x)) ${k(1)})
    (f32x4.lt (f32x4.abs (local.get $x)) ${k(0.5)})))`,
  },
  log1p: {
    calls: ["log"],
    text: `
;; log(1 + x); from -0.5 to 1 it is 2 atanh s with s = x/(2 + x), since 1 + x is rounded; relative error 3e-7.
(func $log1p (param $x v128) (result v128)
  (local $s v128) (local $z v128) (local $r v128)
  (local.set $s (f32x4.div (local.get $x) (f32x4.add ${k(2)} (local.get $x))))
  (local.set $z (f32x4.mul (local.get $s) (local.get $s)))
  ${horner("$r", "$z", log1pFit)}
  (v128.bitselect
    (f32x4.add
      (f32x4.mul ${k(2)} (local.get $s))
      (f32x4.mul (f32x4.mul (local.get $s) (local.get $z)) (local.get $r)))
    (call $log (f32x4.add ${k(1)} (local.get $x)))
    (f32x4.lt (f32x4.abs (f32x4.sub (local.get $x) ${k(0.25)})) ${k(0.75)})))`,
  },
  erf: {
    text: `
;; erf x ≈ x·(P(x²)/Q(x²)), and ±1 from ${erfFit.limit} on; relative error 5e-7.
(func $erf (param $x v128) (result v128)
  (local $z v128) (local $p v128) (local $q v128)
  (local.set $z (f32x4.mul (local.get $x) (local.get $x)))
  ${horner("$p", "$z", erfFit.numerator)}
  ${horner("$q", "$z", erfFit.denominator)}
  (local.set $p (f32x4.mul (local.get $x) (f32x4.div (local.get $p) (local.get $q))))
  (v128.bitselect
    (v128.or (v128.and (local.get $x) ${k("-0")}) ${k(1)})
    (f32x4.pmax (f32x4.pmin (local.get $p) ${k(1)}) ${k(-1)})
    (f32x4.ge (f32x4.abs (local.get $x)) ${k(erfFit.limit)})))`,
  },
  atan: {
    text: `
;; atan x = π/2 - atan(1/x) beyond 1; relative error 3e-7.
(func $atan (param $x v128) (result v128)
  (local $a v128) (local $t v128) (local $z v128) (local $r v128)
  (local.set $a (f32x4.abs (local.get $x)))
  (local.set $t
    (f32x4.div (f32x4.min (local.get $a) ${k(1)}) (f32x4.max (local.get $a) ${k(1)})))
  (local.set $z (f32x4.mul (local.get $t) (local.get $t)))
  ${horner("$r", "$z", atanFit)}
  (local.set $r
    (f32x4.add (local.get $t) (f32x4.mul (f32x4.mul (local.get $t) (local.get $z)) (local.get $r))))
  (v128.or
    (v128.and (local.get $x) ${k("-0")})
    (v128.bitselect
      (f32x4.sub ${k(Math.PI / 2)} (local.get $r))
      (local.get $r)
      (f32x4.gt (local.get $a) ${k(1)}))))`,
  },
  sign: {
    text: `
;; -1, 0 or 1; 0 for NaN.
(func $sign (param $x v128) (result v128)
  (f32x4.sub
    (v128.and (f32x4.gt (local.get $x) ${k(0)}) ${k(1)})
    (v128.and (f32x4.lt (local.get $x) ${k(0)}) ${k(1)})))`,
  },
  sin: trigonometric("sin"),
  cos: trigonometric("cos"),
  sin_quarter: {
    text: `
;; sin(x + shift·π/2) on two f64: x = n·π/2 + r, n whole, π/2 in two parts (FreeBSD's e_rem_pio2f.c).
(func $sin_quarter (param $x v128) (param $shift v128) (result v128)
  (local $n v128) (local $r v128) (local $z v128) (local $sin v128) (local $cos v128)
  (local.set $n (f64x2.nearest (f64x2.mul (local.get $x) ${kd(0.6366197723675814)})))
  (local.set $r (f64x2.sub (local.get $x) (f64x2.mul (local.get $n) ${kd(1.5707963109016418)})))
  (local.set $r (f64x2.sub (local.get $r) (f64x2.mul (local.get $n) ${kd(1.5893254773528196e-8)})))
  (local.set $r (f64x2.pmax (f64x2.pmin (local.get $r) ${kd(1)}) ${kd(-1)}))
  (local.set $z (f64x2.mul (local.get $r) (local.get $r)))
  ${horner("$sin", "$z", [1, ...sinFit], "f64x2", kd)}
  (local.set $sin (f64x2.mul (local.get $sin) (local.get $r)))
  ${horner("$cos", "$z", [1, ...cosFit], "f64x2", kd)}
  ;; n/4 and n/2 less their whole parts tell the quadrant.
  (local.set $n (f64x2.add (local.get $n) (local.get $shift)))
  (local.set $z (f64x2.mul (local.get $n) ${kd(0.5)}))
  (local.set $r
    (v128.bitselect (local.get $cos) (local.get $sin)
      (f64x2.gt (local.get $z) (f64x2.floor (local.get $z)))))
  (local.set $z (f64x2.mul (local.get $n) ${kd(0.25)}))
  (v128.xor
    (local.get $r)
    (v128.and
      (f64x2.ge (f64x2.sub (local.get $z) (f64x2.floor (local.get $z))) ${kd(0.5)})
      ${kd("-0")})))`,
  },
  across_add: {
    text: `
;; The sum of the four lanes.
(func $across_add (param $x v128) (result f32)
  (f32.add
    (f32.add (f32x4.extract_lane 0 (local.get $x)) (f32x4.extract_lane 1 (local.get $x)))
    (f32.add (f32x4.extract_lane 2 (local.get $x)) (f32x4.extract_lane 3 (local.get $x)))))`,
  },
  across_max: {
    text: `
;; The largest of the four lanes.
(func $across_max (param $x v128) (result f32)
  (f32.max
    (f32.max (f32x4.extract_lane 0 (local.get $x)) (f32x4.extract_lane 1 (local.get $x)))
    (f32.max (f32x4.extract_lane 2 (local.get $x)) (f32x4.extract_lane 3 (local.get $x)))))`,
  },
  min_i32: {
    text: `
(func $min_i32 (param $a i32) (param $b i32) (result i32)
  (select (local.get $a) (local.get $b) (i32.lt_s (local.get $a) (local.get $b))))`,
  },
  max_i32: {
    text: `
(func $max_i32 (param $a i32) (param $b i32) (result i32)
  (select (local.get $a) (local.get $b) (i32.gt_s (local.get $a) (local.get $b))))`,
  },
};

/** Functions that are inlined (`inline.ts`): those of gates, and those that are shorter than a call. */
export const shortFunctions: ReadonlySet<string> = new Set(
  ["exp", "tanh", "sigmoid", "across_add", "across_max", "min_i32", "max_i32"].map((name) => `$${name}`),
);

/** The text of these functions and of those they call, each once, in the table's order. */
export function mathText(names: Iterable<string>): string[] {
  const needed = new Set<string>();
  const need = (name: string): void => {
    if (needed.has(name)) return;
    needed.add(name);
    mathFunctions[name].calls?.forEach(need);
  };
  for (const name of names) need(name);
  return Object.entries(mathFunctions)
    .filter(([name]) => needed.has(name))
    .map(([, { text }]) => text.trim());
}
