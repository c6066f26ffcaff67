/** The region of f16: what rounding means, and that WebGPU stores and loads what Kernel IR's interpreter does. */
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { emitWasm } from "../../targets/wasm/wasm.ts";
import * as b from "./build.ts";
import { bitsOfF16, f16OfBits, largest, packF16, roundToF16, unpackF16 } from "./f16.ts";
import { openDevice } from "./gpu.ts";
import { interpret } from "./interpret.ts";
import { type Memory, runWgsl } from "./run.ts";

/** Of every finite f16, its bits: signs, subnormals and zeros among them. */
const finite = Array.from({ length: 0x10000 }, (_, bits) => bits).filter((bits) => (bits & 0x7c00) !== 0x7c00);

describe("rounding to f16", () => {
  it.each([
    ["1 stays", 1, 1],
    ["halfway goes to the even one, below", 1 + 2 ** -11, 1],
    ["halfway goes to the even one, above", 1 + 3 * 2 ** -11, 1 + 2 ** -9],
    ["just above halfway goes up", 1 + 2 ** -11 + 2 ** -30, 1 + 2 ** -10],
    ["a third, of either sign", -1 / 3, -0.333251953125],
    ["2049, one bit too long", 2049, 2048],
    ["the smallest normal number stays", 2 ** -14, 2 ** -14],
    ["below it, multiples of 2^-24", 2.4 * 2 ** -24, 2 * 2 ** -24],
    ["half of the smallest is 0, which is even", 2 ** -25, 0],
    ["a little more is the smallest", 2 ** -25 + 2 ** -40, 2 ** -24],
    ["the largest stays", 65504, 65504],
    ["more is the largest, where IEEE 754 has infinity", 65520, 65504],
    ["much more is the largest", -1e30, -65504],
    ["infinity is none", Number.POSITIVE_INFINITY, Number.NaN],
    ["NaN stays", Number.NaN, Number.NaN],
  ])("%s: %d", (_, x, y) => {
    expect(roundToF16(x)).toBe(y);
  });

  it("keeps every f16, and knows its bits", () => {
    for (const bits of finite) {
      const x = f16OfBits(bits);
      if (roundToF16(x) !== x || bitsOfF16(x) !== bits) expect([roundToF16(x), bitsOfF16(x)]).toEqual([x, bits]);
    }
    expect([f16OfBits(0x3c00), f16OfBits(0x3555), f16OfBits(0x8001), f16OfBits(0x7bff)]).toEqual([
      ...[1, 0.333251953125, -(2 ** -24), largest],
    ]);
    expect(f16OfBits(bitsOfF16(Number.NaN))).toBeNaN();
  });

  it("finds the nearest of all, to 2^-11 of a normal number", () => {
    fc.assert(
      fc.property(fc.double({ min: -65504, max: 65504, noNaN: true }), (x) => {
        const y = roundToF16(x);
        const bits = bitsOfF16(y);
        for (const other of [bits - 1, bits + 1].filter((n) => finite.includes(n)))
          expect(Math.abs(x - y)).toBeLessThanOrEqual(Math.abs(x - f16OfBits(other)));
        expect(Math.abs(x - y)).toBeLessThanOrEqual(Math.max(2 ** -11 * Math.abs(x), 2 ** -25));
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it("packs two in a word, the first in its low half", () => {
    expect(packF16(Float32Array.of(1, -2))).toEqual(Uint32Array.of(0xc0003c00));
    expect(unpackF16(Uint32Array.of(0xc0003c00))).toEqual(Float32Array.of(1, -2));
  });
});

let device: GPUDevice;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device?.destroy());

const n = 600;
/** Numbers of every size that f16 has, beyond it, and some that are none. */
const numbers = Float32Array.from({ length: n }, (_, i) => {
  const size = 2 ** ((i % 30) - 14) * (1 + ((i * 7919) % 1000) / 1000);
  return i === 7 ? Number.NaN : i === 8 ? Number.POSITIVE_INFINITY : i % 2 ? -size : size;
});

/** All lanes of two workgroups store at once, so that neighbours in a word are stored by different lanes, and by different workgroups. */
const at = b.plus(b.times(b.v("i"), 2), b.group(0));
const storing = b.kernel({
  ...{ name: "storing", lanes: 64, grid: [2, 1, 1], writes: ["half"] },
  body: [b.lanes("i", 0, n / 2, [b.store("half", at, b.load("input", at))])],
});
const loading = b.kernel({
  ...{ name: "loading", reads: ["half"], lanes: 64 },
  body: [b.lanes("i", 0, n, [b.store("work", b.v("i"), b.math("mul", b.load("half", b.v("i")), b.f(3)))])],
});
/** Stores over what stands there, and loads it back behind a barrier. */
const both = b.kernel({
  ...{ name: "both", writes: ["half", "work"], lanes: 64 },
  body: [
    b.lanes("i", 0, n / 4, [b.store4("half", b.times(b.v("i"), 4), b.load4("input", b.times(b.v("i"), 4)))]),
    b.barrier,
    b.lanes("i", 0, n / 4 - 1, [
      b.store4("work", b.times(b.v("i"), 4), b.load4("half", b.plus(b.times(b.v("i"), 4), 1))),
    ]),
  ],
});

describe("a kernel with f16 on WebGPU", () => {
  const filled = (): Memory => ({
    input: numbers,
    half: new Float32Array(n).map((_, i) => roundToF16(Math.sin(i))),
    work: new Float32Array(n),
  });

  it.each([storing, loading, both])("$name does as Kernel IR says", async (kernel) => {
    const wanted = interpret(kernel, filled(), { t: 0, T: 1 });
    const found = await runWgsl(device, kernel, filled());
    expect(found.half).toEqual(wanted.half);
    expect(found.work).toEqual(wanted.work);
    // It is really in effect.
    if (kernel !== loading) expect(found.half.filter((x, i) => x !== numbers[i]).length).toBeGreaterThan(n / 2);
  });
});

it("a WebAssembly module has no such region", () => {
  expect(() => emitWasm([loading])).toThrow("no region `half`");
});
