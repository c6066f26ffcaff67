import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ArrayOptions } from "../../../../cli/data/formats/array-layout.ts";
import { openNpy } from "../../../../cli/data/formats/npy.ts";
import { openNpz } from "../../../../cli/data/formats/npz.ts";
import { openSafetensors } from "../../../../cli/data/formats/safetensors.ts";
import { failureOf, fileOf, type Sequence, sequencesOf, sourceOf } from "./read.ts";
import { elementBytes, headerOf, type Numbers, npy, npyOf, npz, safetensors, writers } from "./write-arrays.ts";

const FIXTURES = join(fileURLToPath(import.meta.url), "../../../../fixtures/data");

type Open = typeof openNpz;

const read = async (open: Open, path: string, options: ArrayOptions = {}) =>
  sequencesOf(await open(await sourceOf(path), options));

const readBytes = async (open: Open, data: Uint8Array, options: ArrayOptions = {}) =>
  read(open, await fileOf("a", data), options);

const values = (shape: readonly number[]): number[] =>
  Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i + 1);
const f4 = (...shape: number[]): Numbers => ({ type: "f4", shape, data: values(shape) });
const i8 = (...data: number[]): Numbers => ({ type: "i8", shape: [data.length], data });

/** An array of a random type, order and endianness, of this shape. */
const numbers = (shape: readonly number[]): fc.Arbitrary<Numbers> =>
  fc.constantFrom(...Object.keys(writers)).chain((type) =>
    fc.record({
      type: fc.constant(type),
      shape: fc.constant(shape),
      data: fc.array(fc.constantFrom(...writers[type].values), {
        minLength: values(shape).length,
        maxLength: values(shape).length,
      }),
      little: fc.boolean(),
      fortran: fc.boolean(),
      version: fc.constantFrom(1 as const, 2 as const, 3 as const),
    }),
  );

const data = fc
  .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 3 }))
  .chain(([N, T, D]) =>
    fc.record({
      N: fc.constant(N),
      T: fc.constant(T),
      D: fc.constant(D),
      x: numbers([N, T, D]),
      s: numbers([N, T]),
      lengths: fc.array(fc.integer({ min: 1, max: T }), { minLength: N, maxLength: N }),
    }),
  );

const expected = ({ N, T, D, x, s, lengths }: typeof data extends fc.Arbitrary<infer U> ? U : never): Sequence[] =>
  Array.from({ length: N }, (_, n) => ({
    steps: lengths[n],
    values: {
      x: x.data.slice(n * T * D, (n * T + lengths[n]) * D),
      s: s.data.slice(n * T, n * T + lengths[n]),
    },
  }));

describe("a round trip through a writer that is not ours", () => {
  test.each([0, 6] as const)("NPZ, level %i, in every type, order and endianness", (level) =>
    fc.assert(
      fc.asyncProperty(data, async (one) => {
        const { x, s, lengths } = one;
        expect(await readBytes(openNpz, npz({ x, s, lengths: i8(...lengths) }, level))).toEqual(expected(one));
      }),
      { numRuns: 60 },
    ),
  );

  test("NPY and gzipped NPY", () =>
    fc.assert(
      fc.asyncProperty(data, fc.boolean(), async (one, packed) => {
        const bytes = npy(one.x);
        const found = await readBytes(openNpy, packed ? gzipSync(bytes) : bytes);
        expect(found.flatMap(({ values }) => values.x)).toEqual(one.x.data);
        expect(found.map(({ steps }) => steps)).toEqual(Array(one.N).fill(one.T));
      }),
      { numRuns: 60 },
    ));

  test("safetensors", () =>
    fc.assert(
      fc.asyncProperty(data, async (one) => {
        const plain = (array: Numbers): Numbers => ({ ...array, little: true, fortran: false });
        const bytes = safetensors({ x: plain(one.x), s: plain(one.s), lengths: i8(...one.lengths) });
        expect(await readBytes(openSafetensors, bytes)).toEqual(expected(one));
      }),
      { numRuns: 40 },
    ));
});

describe("NumPy's own files", () => {
  const wanted = JSON.parse(readFileSync(join(FIXTURES, "values.json"), "utf8")) as {
    readonly x: number[][][];
    readonly half: number[][][];
    readonly y: number[];
    readonly lengths: number[];
  };

  test.each(["f4.npy", "f4.npy.gz", "f8-big-endian.npy", "fortran.npy", "version-3.npy"])("%s", async (name) => {
    const found = await read(openNpy, join(FIXTURES, name));
    expect(found.map(({ values }) => values.x)).toEqual(wanted.x.map((sequence) => sequence.flat()));
  });

  test("f2.npy", async () => {
    const found = await read(openNpy, join(FIXTURES, "f2.npy"));
    expect(found.map(({ values }) => values.x)).toEqual(wanted.half.map((sequence) => sequence.flat()));
  });

  test("texts are symbols", async () => {
    expect(await read(openNpy, join(FIXTURES, "words.npy"))).toEqual([
      { steps: 2, values: { x: ["a", "bé"] } },
      { steps: 2, values: { x: ["c", ""] } },
    ]);
  });

  test.each(["stored.npz", "deflated.npz"])("%s has ids, and sequences of their lengths", async (name) => {
    const recording = await openNpz(await sourceOf(join(FIXTURES, name)), {});
    expect(recording.fields).toEqual({
      x: { kind: "number", over: "steps", shape: [2] },
      y: { kind: "number", over: "sequence", shape: [] },
      id: { kind: "label", over: "sequence" },
    });
    expect(await sequencesOf(recording)).toEqual(
      wanted.lengths.map((steps, n) => ({
        steps,
        values: { x: wanted.x[n].slice(0, steps).flat(), y: [wanted.y[n]], id: ["abc"[n]] },
      })),
    );
  });

  test("splits.npz says which sequence is of which split", async () => {
    const found = await read(openNpz, join(FIXTURES, "splits.npz"));
    expect(found.map(({ split }) => split)).toEqual(["train", "train", "train", "test", "test"]);
    expect(found.at(-1)?.values).toEqual({ x: wanted.x[1].flat(), y: [wanted.y[1]] });
  });

  test("named.safetensors", async () => {
    const found = await read(openSafetensors, join(FIXTURES, "named.safetensors"));
    expect(found[1]).toEqual({
      steps: 2,
      values: { x: wanted.x[1].slice(0, 2).flat(), h: wanted.half[1].slice(0, 2).flat(), y: [wanted.y[1]] },
    });
  });

  test.each([
    ["objects.npy", /pickled Python objects/],
    ["complex.npy", /complex numbers/],
    ["records.npy", /records/],
  ])("%s is refused", async (name, why) => {
    expect((await failureOf(read(openNpy, join(FIXTURES, name)))).message).toMatch(why);
  });
});

describe("a file that is cut anywhere is refused", () => {
  const files: [string, Open, Uint8Array][] = [
    ["npy", openNpy, npy(f4(2, 3))],
    ["stored npz", openNpz, npz({ x: f4(2, 3), y: i8(0, 1) })],
    ["deflated npz", openNpz, npz({ x: f4(2, 3), y: i8(0, 1) }, 6)],
    ["safetensors", openSafetensors, safetensors({ x: f4(2, 3), y: i8(0, 1) })],
    ["gzipped npy", openNpy, gzipSync(npy(f4(2, 3)))],
  ];
  test.each(files)("%s", async (_, format, whole) => {
    expect(await readBytes(format, whole)).toHaveLength(2);
    for (let length = 0; length < whole.length; length++) {
      const failure = await failureOf(readBytes(format, whole.subarray(0, length)));
      expect(failure.code, `${length} bytes`).toBe("C0402");
    }
  });

  test.each(files)("%s, with a byte too many", async (name, format, whole) => {
    const longer = readBytes(format, Buffer.concat([whole, Uint8Array.of(0)]));
    // Padding after a gzip stream is allowed.
    if (name === "gzipped npy") expect(await longer).toHaveLength(2);
    else expect((await failureOf(longer)).code).toBe("C0402");
  });
});

test("a changed byte anywhere in an NPZ file is refused or changes nothing", async () => {
  for (const level of [0, 6] as const) {
    const whole = npz({ x: f4(2, 3) }, level);
    const right = await readBytes(openNpz, whole);
    for (let at = 0; at < whole.length; at++) {
      const damaged = Uint8Array.from(whole);
      damaged[at] ^= 0x55;
      const found = await readBytes(openNpz, damaged).catch((error: unknown) => error);
      if (Array.isArray(found)) expect(found, `byte ${at}`).toEqual(right);
      else expect(found, `byte ${at}`).toMatchObject({ code: "C0402" });
    }
  }
});

describe("a damaged header", () => {
  const x = f4(2, 3);
  const replaced = (from: string | RegExp, to: string) => npyOf(headerOf(x).replace(from, to), elementBytes(x));
  test.each([
    ["that claims 2^60 bytes", replaced("(2, 3)", "(1073741824, 134217728)"), /it is cut: its header says/],
    ["with an extent beyond all numbers", replaced("(2, 3)", "(99999999999999999999,)"), /not NPY's/],
    ["with an unknown key", replaced("'shape'", "'size'"), /not NPY's/],
    ["with a key twice", replaced("'shape'", "'descr'"), /not NPY's/],
    ["without a shape", replaced(/, 'shape': .*$/, "}"), /not NPY's/],
    ["with a call in it", replaced("(2, 3)", "exec('1')"), /not NPY's/],
    ["of an unknown type", replaced("<f4", "<f3"), /of type "<f3"/],
    ["of a type with more behind it", replaced("<f4", "<f4x"), /of type "<f4x"/],
    ["of dates", replaced("<f4", "<M8[ns]"), /dates/],
    ["of version 4", npyOf(headerOf(x), elementBytes(x), 4), /version 4.0/],
    ["longer than any", npyOf(`${headerOf(x)}${" ".repeat(20_000)}`, elementBytes(x)), /its header has \d+ bytes/],
    ["of another kind of file", Buffer.from("PK\x03\x04 and so on"), /begins with 50 4b 03 04/],
  ])("%s is refused", async (_, bytes, why) => {
    expect((await failureOf(readBytes(openNpy, bytes))).message).toMatch(why);
  });

  test("keys in another order and with Python 2's longs are read", async () => {
    const header = `{"shape": (2L, 3L), 'fortran_order': False, 'descr': '<f4'}`;
    expect(await readBytes(openNpy, npyOf(header, elementBytes(x)))).toHaveLength(2);
  });

  test("random bytes in place of a header's are refused or read as numbers", () =>
    fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 127 }), fc.integer({ min: 0, max: 255 }), async (at, byte) => {
        const bytes = Uint8Array.from(npy(x));
        bytes[at] = byte;
        const found = await readBytes(openNpy, bytes).catch((error: unknown) => error);
        if (!Array.isArray(found)) expect(found).toMatchObject({ code: "C0402", exitCode: 1 });
        else expect(found.length).toBeGreaterThan(0);
      }),
      { numRuns: 150 },
    ));
});

test("whole numbers beyond 2^53 and bytes that are no truth are refused with their place", async () => {
  const big = new Uint8Array(16);
  new DataView(big.buffer).setBigInt64(8, 2n ** 53n, true);
  const [wide, truth] = [
    npyOf("{'descr': '<i8', 'fortran_order': False, 'shape': (2,)}", big),
    npyOf("{'descr': '|b1', 'fortran_order': False, 'shape': (2,)}", Uint8Array.of(1, 7)),
  ];
  expect((await failureOf(readBytes(openNpy, wide))).message).toMatch(
    /`x`, number 1 of 2: 9007199254740992 is beyond 2\^53/,
  );
  expect((await failureOf(readBytes(openNpy, truth))).message).toMatch(/number 1 of 2: the byte 7/);
});

describe("axes are told by names and sizes", () => {
  const fields = async (arrays: Readonly<Record<string, Numbers>>, options: ArrayOptions = {}) =>
    (await openNpz(await sourceOf(await fileOf("a.npz", npz(arrays))), options)).fields;
  const refusal = async (arrays: Readonly<Record<string, Numbers>>, options: ArrayOptions = {}) =>
    failureOf(fields(arrays, options));

  test("y [N], [N, K], [N, T] and [N, T, K]", async () => {
    const number = (over: string, ...shape: number[]) => ({ kind: "number", over, shape });
    const x = f4(4, 3, 2);
    expect((await fields({ x, y: f4(4) })).y).toEqual(number("sequence"));
    expect((await fields({ x, y: f4(4, 5) })).y).toEqual(number("sequence", 5));
    expect((await fields({ x, y: f4(4, 3) })).y).toEqual(number("steps"));
    expect((await fields({ x, y: f4(4, 3, 7) })).y).toEqual(number("steps", 7));
    expect((await fields({ x, y: f4(4, 3) }, { perSequence: ["y"] })).y).toEqual(number("sequence", 3));
  });

  test("a single series is [T], or [T, D] where the axes say so", async () => {
    expect(await readBytes(openNpz, npz({ x: f4(3), y: f4(3) }))).toEqual([
      { steps: 3, values: { x: [1, 2, 3], y: [1, 2, 3] } },
    ]);
    expect(await readBytes(openNpz, npz({ x: f4(3, 2), y: f4(3) }), { axes: "TD" })).toEqual([
      { steps: 3, values: { x: [1, 2, 3, 4, 5, 6], y: [1, 2, 3] } },
    ]);
  });

  test("steps first, or features before steps, are put in order", async () => {
    const found = await readBytes(openNpz, npz({ x: f4(2, 3, 2), y: f4(3), m: f4(2, 3) }), { axes: "TND" });
    expect(found[1]).toEqual({ steps: 2, values: { x: [3, 4, 9, 10], y: [2], m: [2, 5] } });
    const channels = await readBytes(openNpz, npz({ x: f4(2, 2, 3), y: f4(2), m: f4(2, 3) }), { axes: "NDT" });
    expect(channels[0]).toEqual({ steps: 3, values: { x: [1, 4, 2, 5, 3, 6], y: [1], m: [1, 2, 3] } });
  });

  test("[T, N, D] in place of [N, T, D] is refused where y or lengths tell", async () => {
    const x = f4(10, 4, 2);
    const wrong: readonly Readonly<Record<string, Numbers>>[] = [
      { x, y: f4(4) },
      { x, lengths: i8(1, 2, 3, 4) },
      { x, y: f4(4, 10) },
    ];
    for (const arrays of wrong) {
      const { message, help } = await refusal(arrays);
      expect(message).toMatch(/seems to be steps/);
      expect(help).toMatch(/--axes TND/);
    }
  });

  test("what agrees with nothing is refused, with both shapes", async () => {
    expect((await refusal({ x: f4(4, 3, 2), y: f4(5) })).message).toMatch(/`y` is \[5\], and `x` \[4, 3, 2\]/);
    expect((await refusal({ x: f4(4, 0, 2) })).message).toMatch(/has no step/);
    expect((await refusal({ a: f4(4, 3), b: f4(4, 2) })).message).toMatch(/which has the steps\?/);
    expect((await refusal({ x: f4(4, 3), lengths: i8(1, 2, 4, 3) })).message).toMatch(/`lengths`\[2\] is 4/);
    expect((await refusal({ x: f4(4, 3), mask: f4(4) })).message).toMatch(/`mask` is \[4\], want \[4, 3\]/);
    expect((await refusal({ x_train: f4(4, 3), y: f4(4) })).message).toMatch(/`y` belongs to no split/);
    expect((await refusal({ x_train: f4(4, 3, 2), x_test: f4(4, 3, 1) })).message).toMatch(
      /do not agree: `x` is numbers \[2\]/,
    );
    expect((await refusal({ x_train: f4(4, 3), train_x: f4(4, 3) })).message).toMatch(/are both `x` of train/);
    expect((await refusal({ x: f4(4, 3) }, { perSequence: ["z"] })).message).toMatch(/no array `z`/);
    await expect(fields({ x: f4(4, 3) }, { axes: "NN" })).rejects.toMatchObject({ code: "C0301", exitCode: 2 });
  });

  test("a mask is lengths, and one with a hole is refused", async () => {
    const mask = (...rows: number[][]): Numbers => ({ type: "b1", shape: [rows.length, 3], data: rows.flat() });
    const found = await readBytes(openNpz, npz({ x: f4(2, 3), mask: mask([1, 1, 0], [1, 1, 1]) }));
    expect(found.map(({ values }) => values.x)).toEqual([
      [1, 2],
      [4, 5, 6],
    ]);
    expect((await refusal({ x: f4(2, 3), mask: mask([1, 1, 1], [1, 0, 1]) })).message).toMatch(/`mask`\[1\]\[2\] is 1/);
    expect((await refusal({ x: f4(2, 3), mask: mask([1, 1, 1], [0, 0, 0]) })).message).toMatch(
      /`mask`\[1\] is 0 at all/,
    );
  });

  test("what is not wanted may have any shape, and numbers may be names", async () => {
    const arrays = npz({ x: f4(2, 3), y: i8(7, 12), names: f4(5), lengths: i8(1, 3), ids: i8(5, 6) });
    const options = { fields: new Set(["x", "y"]), texts: new Set(["y"]) };
    const recording = await openNpz(await sourceOf(await fileOf("a.npz", arrays)), options);
    expect(recording.fields.y).toEqual({ kind: "symbol", over: "sequence" });
    expect((await sequencesOf(recording)).map(({ values }) => values)).toEqual([
      { x: [1], y: ["7"], id: ["5"] },
      { x: [4, 5, 6], y: ["12"], id: ["6"] },
    ]);
    const alone = await openNpz(await sourceOf(await fileOf("a.npz", arrays)), { fields: new Set(["y"]) });
    expect((await sequencesOf(alone)).map(({ values }) => values)).toMatchObject([{ y: [7] }, { y: [12] }]);
  });

  test("several NPY files are as one NPZ file, and X is x", async () => {
    const file = await sourceOf(await fileOf("X_train.npy", npy(f4(2, 3))));
    const found = await sequencesOf(await openNpy({ ...file, members: { X_train: file } }, {}));
    expect(found).toMatchObject([{ split: "train", values: { x: [1, 2, 3] } }, { values: { x: [4, 5, 6] } }]);
  });
});

test("a long sequence comes in pieces", async () => {
  const x = f4(2, 50_000, 2);
  const recording = await openNpy(await sourceOf(await fileOf("a.npy", npy(x))), {});
  const begins: boolean[] = [];
  for await (const piece of recording.pieces()) begins.push(piece.begins);
  expect(begins).toEqual([true, false, true, false]);
  expect((await sequencesOf(recording)).flatMap(({ values }) => values.x)).toEqual(x.data);
});
