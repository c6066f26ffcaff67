/**
 * The binary of a module is what `watr`, an assembler of others, makes of its text: byte for byte, once its short functions are
 * written out.
 */

import { describe, expect, it } from "vitest";
import { compile as assemble } from "watr";
import { encodeModule } from "../../targets/wasm/encode.ts";
import { inline } from "../../targets/wasm/inline.ts";
import { mathFunctions, mathText, shortFunctions } from "../../targets/wasm/math.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { emitWasm } from "../../targets/wasm/wasm.ts";
import { readWat, type Wat, watLines } from "../../targets/wasm/wat.ts";
import { cells, planned } from "../schedule/cells.ts";
import { samples } from "./samples.ts";

/** The module of a text with its short functions written out. */
const writtenOut = (text: string): string => {
  const lines = inline(fields(text), shortFunctions).flatMap((wat) => watLines(wat));
  return `(module ${lines.join("\n")}\n)`;
};

const fields = (text: string): readonly Wat[] => (readWat(text)[0] as readonly Wat[]).slice(1);

describe("a module's binary is what an assembler makes of its text", () => {
  it.each(Object.entries(cells))("%s", (_name, cell) => {
    const { kernels } = planned(cell, wasm);
    for (const { text, binary } of Object.values(emitWasm(kernels))) {
      expect(binary).toEqual(assemble(writtenOut(text)));
      expect(encodeModule(fields(text))).toEqual(assemble(text));
    }
  });

  it.each(samples.map((s) => [s.claim, s.kernel] as const))("%s", (_claim, kernel) => {
    const { text, binary } = emitWasm([kernel]).plain;
    expect(binary).toEqual(assemble(writtenOut(text)));
  });

  it("every mathematical function", () => {
    const text = `(module ${mathText(Object.keys(mathFunctions)).join("\n")})`;
    expect(encodeModule(fields(text))).toEqual(assemble(text));
  });

  it.each(["-1", "0", "63", "64", "-64", "-65", "8191", "8192", "2147483647", "-2147483648", "0x004afb0d"])(
    "the integer %s",
    (n) => {
      const text = `(module (func $f (export "f") (result i32) (i32.const ${n})))`;
      expect(encodeModule(fields(text))).toEqual(assemble(text));
    },
  );

  it.each(["0", "-0", "1.5", "-1e-38", "3.4028235e38", "1e-45", "inf", "-inf", "nan", "0x1p-126", "-0x1.8p3"])(
    "the float %s",
    (x) => {
      const text = `(module (func $f (export "f") (result f32) (f32.const ${x})))`;
      expect(encodeModule(fields(text))).toEqual(assemble(text));
    },
  );
});

describe("short functions written out", () => {
  it("leave no call of them, whatever calls what", () => {
    const text = `(module ${mathText(["softplus", "sin", "max_i32"]).join("\n")}
      (func $f (export "f") (param $x v128) (result v128) (call $softplus (call $exp (call $exp (local.get $x))))))`;
    const out = writtenOut(text);
    expect(out).not.toContain("call $exp");
    expect(out).not.toContain("func $max_i32");
    expect(out).toContain("call $softplus");
    expect(out).toContain("call $sin_quarter");
  });

  it("compute what they did as an argument of themselves", async () => {
    const text = `(module ${mathText(["min_i32"]).join("\n")}
      (func $f (export "f") (param $a i32) (param $b i32) (param $c i32) (result i32)
        (call $min_i32 (local.get $a) (call $min_i32 (local.get $b) (local.get $c)))))`;
    const { instance } = await WebAssembly.instantiate(
      encodeModule(inline(fields(text), shortFunctions)) as BufferSource,
    );
    const f = instance.exports.f as (...args: number[]) => number;
    for (const args of [
      [1, 2, 3],
      [3, 1, 2],
      [2, 3, 1],
    ])
      expect(f(...args)).toBe(1);
  });

  it("compute what they did, nested in each other as well", async () => {
    const text = `(module ${mathText(["exp", "sigmoid"]).join("\n")}
      (func (export "f") (param $a f32) (param $b f32) (result f32)
        (f32x4.extract_lane 0
          (f32x4.add
            (call $sigmoid (call $exp (call $sigmoid (f32x4.splat (local.get $a)))))
            (call $sigmoid (f32x4.splat (local.get $b)))))))`;
    const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
    const { instance } = await WebAssembly.instantiate(assemble(writtenOut(text)) as BufferSource);
    const f = instance.exports.f as (a: number, b: number) => number;
    for (const [a, b] of [
      [0.5, -2],
      [-30, 3],
      [4, 0],
    ])
      expect(f(a, b)).toBeCloseTo(sigmoid(Math.exp(sigmoid(a))) + sigmoid(b), 6);
  });
});

describe("what cannot be encoded is said", () => {
  it.each([
    ["(func $f (f32.frobnicate))", "there is no code for `f32.frobnicate`"],
    ["(func $f (local.set $x (i32.const 1)))", "nothing is called $x"],
    ["(func $f (call $g))", "nothing is called $g"],
    ["(func $f (loop $a (br_if $b (i32.const 0))))", "nothing is called $b"],
    ["(func $f (param $x i65))", 'no type "i65"'],
  ])("%s", (text, message) => {
    expect(() => encodeModule(readWat(text))).toThrow(message);
  });
});
