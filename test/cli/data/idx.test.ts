import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readIdx, readIdxOf } from "../../../cli/data/idx.ts";
import { Failure } from "../../../cli/failure.ts";
import { idx } from "../../data/mnist.ts";

const sample = idx([2, 3], Uint8Array.of(1, 2, 3, 4, 5, 6));

function failureOf(run: () => unknown): Failure {
  try {
    run();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("an IDX file", () => {
  test("gives back what was written, gzipped or not, for any shape", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        (shape, zip) => {
          const size = shape.reduce((product, extent) => product * extent, 1);
          const data = Uint8Array.from({ length: size }, (_, i) => (i * 37) % 256);
          const file = idx(shape, data);
          const array = readIdx(zip ? gzipSync(file) : file, "f");
          expect(array.shape).toEqual(shape);
          expect(Array.from(array.data)).toEqual(Array.from(data));
        },
      ),
    );
  });

  test("is read through a view that does not start at its buffer's start", () => {
    const shifted = Buffer.concat([Buffer.of(9, 9, 9), sample]).subarray(3);
    expect(readIdx(shifted, "f").shape).toEqual([2, 3]);
  });

  const damaged: readonly [string, Uint8Array, RegExp][] = [
    ["empty", new Uint8Array(0), /cut: 0 bytes/],
    ["cut inside the header", sample.subarray(0, 7), /cut: 7 bytes, and its header has 12/],
    ["cut inside the data", sample.subarray(0, -1), /cut: its header says \[2, 3\] = 6 bytes, 5 are there/],
    ["followed by more bytes", Buffer.concat([sample, Buffer.of(0)]), /1 trailing bytes/],
    ["of another format", Buffer.from("<html>not found"), /bad magic 3c 68 74 6d/],
    ["of another element type", Buffer.concat([Buffer.of(0, 0, 0x0d), sample.subarray(3)]), /element type 0d, want 08/],
    ["without axes", Buffer.of(0, 0, 8, 0, 1), /no axes/],
    ["a cut gzip stream", gzipSync(sample).subarray(0, -6), /gzip stream is damaged or cut/],
  ];
  test.each(damaged)("that is %s is refused with C0402 and the reason", (_, file, reason) => {
    const failure = failureOf(() => readIdx(file, "images"));
    expect(failure.code).toBe("C0402");
    expect(failure.exitCode).toBe(1);
    expect(failure.message).toMatch(/^images: /);
    expect(failure.message).toMatch(reason);
  });

  test("of another shape than wanted is a size mismatch", () => {
    expect(readIdxOf(sample, "f", [undefined, 3]).shape).toEqual([2, 3]);
    for (const want of [[2, 4], [2], [2, 3, 1]]) {
      const failure = failureOf(() => readIdxOf(sample, "f", want));
      expect(failure.code).toBe("C0402");
      expect(failure.message).toMatch(/size mismatch: its shape is \[2, 3\]/);
    }
  });
});
