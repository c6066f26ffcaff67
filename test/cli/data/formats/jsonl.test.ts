import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type JsonlOptions, openJsonl } from "../../../../cli/data/formats/jsonl.ts";
import { failureOf, fileOf, sequencesOf, sourceOf } from "./read.ts";

const open = async (data: string | Uint8Array, options: Partial<JsonlOptions> = {}) =>
  openJsonl(await sourceOf(await fileOf("a.jsonl", data)), { missing: "refused", ...options });
const read = async (data: string | Uint8Array, options: Partial<JsonlOptions> = {}) =>
  sequencesOf(await open(data, options));
const lines = (...records: unknown[]): string => records.map((record) => `${JSON.stringify(record)}\n`).join("");
const refusal = async (data: string | Uint8Array, options: Partial<JsonlOptions> = {}) =>
  failureOf(read(data, options));

const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const word = fc.string({ unit: "binary", minLength: 1, maxLength: 4 }).filter((one) => one.isWellFormed());

const records = fc.integer({ min: 1, max: 3 }).chain((D) =>
  fc.array(
    fc.integer({ min: 1, max: 5 }).chain((T) =>
      fc.record({
        x: fc.array(fc.array(number, { minLength: D, maxLength: D }), { minLength: T, maxLength: T }),
        tags: fc.array(word, { minLength: T, maxLength: T }),
        y: number,
        kind: word,
        id: fc.oneof(word, fc.nat()),
      }),
    ),
    { minLength: 1, maxLength: 6 },
  ),
);

test("records of different lengths are read as they were written, gzipped or not, with any line ends", () =>
  fc.assert(
    fc.asyncProperty(records, fc.boolean(), fc.constantFrom("\n", "\r\n", "\n\n"), async (written, packed, end) => {
      const text = written.map((record) => JSON.stringify(record)).join(end);
      expect(await read(packed ? gzipSync(text) : text)).toEqual(
        written.map(({ x, tags, y, kind, id }) => ({
          steps: x.length,
          values: { x: x.flat(), tags, y: [y], kind: [kind], id: [String(id)] },
        })),
      );
    }),
    { numRuns: 60 },
  ));

test("a list is over steps if it is always as long as x, or else of the sequence", async () => {
  const data = lines({ x: [1, 2], a: [1, 2], b: [1, 2] }, { x: [1, 2, 3], a: [1, 2, 3], b: [1, 2] });
  expect((await open(data)).fields).toEqual({
    x: { kind: "number", over: "steps", shape: [] },
    a: { kind: "number", over: "steps", shape: [] },
    b: { kind: "number", over: "sequence", shape: [2] },
  });
  const same = lines({ x: [1, 2], y: [3, 4] });
  expect((await open(same)).fields.y).toMatchObject({ over: "steps" });
  expect((await open(same, { perSequence: ["y"] })).fields.y).toEqual({ kind: "number", over: "sequence", shape: [2] });
});

test("tokens, texts, truths, pictures at each step and lengths are read", async () => {
  expect(await read(lines({ x: ["a", "b"], y: true }, { x: ["c"], y: false }))).toEqual([
    { steps: 2, values: { x: ["a", "b"], y: ["true"] } },
    { steps: 1, values: { x: ["c"], y: ["false"] } },
  ]);
  expect(await read(lines({ text: "to be", y: "x" }), { unit: "words" })).toEqual([
    { steps: 2, values: { w: ["to", "be"], y: ["x"] } },
  ]);
  expect(await read(lines({ text: "日é" }))).toEqual([{ steps: 2, values: { w: ["日", "é"] } }]);
  const pictures = await open(
    lines({
      x: [
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
      ],
    }),
  );
  expect(pictures.fields.x).toEqual({ kind: "number", over: "steps", shape: [2, 3] });
  expect(await read(lines({ x: [1, 2, 0], lengths: 2 }, { x: [3, 0, 0], lengths: 1 }))).toEqual([
    { steps: 2, values: { x: [1, 2] } },
    { steps: 1, values: { x: [3] } },
  ]);
});

test("what is missing is refused with its place, or kept as NaN or nothing", async () => {
  const data = lines({ x: [1, null], y: "a" }, { x: [3], y: null }, { x: [4] });
  const first = await refusal(data);
  expect(first.message).toMatch(/a\.jsonl:1:9: `x\[1\]` is missing/);
  expect(first.help).toMatch(/--missing mean/);
  expect((await refusal(lines({ x: [1], y: "a" }, { x: [3], y: null }))).message).toMatch(
    /a\.jsonl:2:14: `y` is missing/,
  );
  expect((await refusal(lines({ x: [1], y: "a" }, { x: [3] }))).message).toMatch(/a\.jsonl:2:1: `y` is missing/);
  expect((await read(data, { missing: "kept" })).map(({ values }) => values)).toEqual([
    { x: [1, Number.NaN], y: ["a"] },
    { x: [3], y: [""] },
    { x: [4], y: [""] },
  ]);
});

test("numbers may be names", async () => {
  expect(await read(lines({ x: [1], y: 7 }), { texts: new Set(["y"]) })).toEqual([
    { steps: 1, values: { x: [1], y: ["7"] } },
  ]);
});

describe("a file is refused with line, column and key", () => {
  test.each([
    ['{"x": [1, 2]}\n{"x": [1, }\n', /a\.jsonl:2:11: the line is not JSON/],
    ['{"x": [1, NaN]}\n', /a\.jsonl:1:11: the line is not JSON/],
    ["[1, 2]\n", /a\.jsonl:1:1: the line is no object/],
    [lines({ x: [[1, 2], [3]] }), /a\.jsonl:1:13: `x\[1\]` is a list of 1, want 2/],
    [lines({ x: [[1, 2]] }, { x: [[1, "a"]] }), /a\.jsonl:2:10: `x\[0\]\[1\]` is text, want a number/],
    [lines({ x: [1] }, { x: [[1]] }), /a\.jsonl:2:7: `x\[0\]` is a list, want a number/],
    [lines({ x: ["a"] }, { x: [1] }), /a\.jsonl:2:7: `x\[0\]` is a number, want text/],
    [lines({ x: [1], y: 1 }, { x: [1], y: "a" }), /a\.jsonl:2:14: `y` is text, want a number/],
    [lines({ x: [1] }, { x: [1], z: 1 }), /a\.jsonl:1:1: `z` is missing/],
    [lines({ x: [1, 2], lengths: 3 }), /a\.jsonl:1:22: `lengths` is 3, want a whole number of steps from 1 to 2/],
    [lines({ x: [1] }, { x: [] }), /a\.jsonl:2:6: `x` has no step/],
    [lines({ x: { a: 1 } }), /`the document` has no list|the document has no list/],
    [lines({ x: [{ a: 1 }] }), /a\.jsonl:1:7: `x\[0\]` is an object/],
    [lines({ a: [1], b: [1, 2] }), /a\.jsonl:1:14: `b` is not as long as `a`: which has the steps\?/],
    [lines({ text: "a", w: ["b"] }), /`text` would be called w/],
    [lines({ x: [1], id: 2 ** 60 }), /`id` is a number beyond 2\^53/],
    [lines({ x: [1], y: ["a", "b"] }), /`y\[0\]` is one of several texts of a sequence/],
    [`{"x": ${"[".repeat(9)}1${"]".repeat(9)}}`, /a\.jsonl:1:7: `x` has more than 8 lists within one another/],
    ["\n \n", /a\.jsonl: it is empty/],
  ])("%j", async (data, why) => {
    expect((await refusal(data)).message).toMatch(why);
  });

  test("of brackets alone, however many", async () => {
    expect((await refusal(`{"x": ${"[".repeat(50_000)}${"]".repeat(50_000)}}`)).message).toMatch(/more than 8 lists/);
  });

  test("where a key is new after many lines", async () => {
    const data = lines(...Array(1000).fill({ x: [1] }), { x: [1], z: 1 });
    expect((await refusal(data)).message).toMatch(/a\.jsonl:1001:14: `z` is in no line before/);
  });

  test("where lists that were as long as x no longer are, with what to do", async () => {
    const data = lines(...Array(1000).fill({ x: [1, 2], y: [1, 2] }), { x: [1, 2, 3], y: [1, 2] });
    const { message, help } = await refusal(data);
    expect(message).toMatch(/a\.jsonl:1001:18: `y` has 2 steps, and `x` has 3/);
    expect(help).toMatch(/--per-sequence y/);
  });
});

test("a file that is cut anywhere has its first lines, or is refused at the line that is cut", async () => {
  const data = lines({ x: [1, 2], y: "ab" }, { x: [30, 4.5], y: "c" });
  const whole = await read(data);
  const first = data.indexOf("\n");
  for (let length = 1; length < data.length; length++) {
    const found = await read(data.slice(0, length)).catch((error: unknown) => error);
    // A cut at the end of a line cannot be seen.
    const complete =
      length < first ? 0 : length === first || length === first + 1 ? 1 : length === data.length - 1 ? 2 : 0;
    if (complete > 0) expect(found, `${length} bytes`).toEqual(whole.slice(0, complete));
    else
      expect(found, `${length} bytes`).toMatchObject({
        code: "C0402",
        message: expect.stringContaining(`a.jsonl:${length < first ? 1 : 2}:`),
      });
  }
});

test("any text is read or refused as damaged", () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(fc.json(), fc.string(), fc.constantFrom('{"x":[1]}', '{"x":[[1]]}', '{"x":["a"]}')), {
        maxLength: 4,
      }),
      async (parts) => {
        const found = await read(parts.join("\n")).catch((error: unknown) => error);
        if (!Array.isArray(found)) expect(found).toMatchObject({ code: "C0402", exitCode: 1 });
        else expect(found.length).toBeGreaterThan(0);
      },
    ),
    { numRuns: 150 },
  ));
