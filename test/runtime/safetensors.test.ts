import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeSafetensors, encodeSafetensors, type SafeTensors } from "../../runtime/safetensors.ts";

const tensor = fc.array(fc.nat({ max: 4 }), { maxLength: 3 }).chain((shape) => {
  const length = shape.reduce((product, extent) => product * extent, 1);
  return fc
    .array(fc.float({ noNaN: true }), { minLength: length, maxLength: length })
    .map((values) => ({ shape, data: Float32Array.from(values) }));
});
const text = fc.string({ unit: "binary" });
const files: fc.Arbitrary<SafeTensors> = fc.record({
  tensors: fc
    .uniqueArray(
      fc.tuple(
        text.filter((name) => name !== "__metadata__"),
        tensor,
      ),
      { selector: ([name]) => name, maxLength: 6 },
    )
    .map((entries) => new Map(entries)),
  metadata: fc.dictionary(text, text),
});

const example: SafeTensors = {
  tensors: new Map([
    ["rnn/W", { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
    ["rnn/b", { shape: [3], data: Float32Array.of(-1, 0, 0.5) }],
  ]),
  metadata: { format: "test" },
};

/** A file with this header and that many bytes of numbers. */
function fileOf(header: unknown, dataBytes: number): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setUint32(0, json.length, true);
  bytes.set(json, 8);
  return bytes;
}

const f32 = (shape: unknown, ...offsets: unknown[]) => ({ dtype: "F32", shape, data_offsets: offsets });

describe("safetensors", () => {
  test("decode ∘ encode is the identity", () => {
    fc.assert(
      fc.property(files, (file) => {
        const decoded = decodeSafetensors(encodeSafetensors(file));
        expect(new Map(decoded.tensors)).toEqual(file.tensors);
        expect(Object.entries(decoded.metadata).sort()).toEqual(Object.entries(file.metadata).sort());
      }),
      { numRuns: 200 },
    );
  });

  test("is the layout other programs read", () => {
    const bytes = encodeSafetensors({
      tensors: new Map([["a", { shape: [2], data: Float32Array.of(1, -2) }]]),
      metadata: {},
    });
    const header = '{"__metadata__":{},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';
    expect(new TextDecoder().decode(bytes.subarray(8, 8 + header.length))).toBe(header);
    expect([...bytes.subarray(0, 8)]).toEqual([header.length, 0, 0, 0, 0, 0, 0, 0]);
    expect(header.length % 8).toBe(0);
    expect([...bytes.subarray(8 + header.length)]).toEqual([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
  });

  test("reads tensors whatever their order, at any alignment", () => {
    const header = { b: f32([1], 4, 8), a: f32([1], 0, 4), none: f32([0, 3], 4, 4) };
    const bytes = fileOf(header, 8);
    new DataView(bytes.buffer).setFloat32(bytes.length - 8, 1.5, true);
    const shifted = new Uint8Array(bytes.length + 1).subarray(1);
    shifted.set(bytes);
    expect(decodeSafetensors(shifted).tensors.get("a")).toEqual({ shape: [1], data: Float32Array.of(1.5) });
    expect(decodeSafetensors(shifted).tensors.get("none")).toEqual({ shape: [0, 3], data: new Float32Array(0) });
  });

  test("a file cut anywhere is damaged", () => {
    const bytes = encodeSafetensors(example);
    for (let length = 0; length < bytes.length; length++) expectDamaged(bytes.subarray(0, length));
  });

  test("a file with trailing bytes is damaged", () => {
    const bytes = encodeSafetensors(example);
    const longer = new Uint8Array(bytes.length + 1);
    longer.set(bytes);
    expectDamaged(longer);
  });

  test("noise in the header is read or refused, and never anything else", () => {
    const bytes = encodeSafetensors(example);
    const headerEnd = 8 + new DataView(bytes.buffer).getUint32(0, true);
    fc.assert(
      fc.property(fc.nat({ max: headerEnd - 1 }), fc.nat({ max: 255 }), (at, value) => {
        const changed = bytes.slice();
        changed[at] = value;
        try {
          decodeSafetensors(changed);
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: expect.stringMatching(/^C040[47]$/) });
        }
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    ["a header that is no JSON", "{", 0],
    ["a header that is no object", [], 0],
    ["a header of another type", "null", 0],
    ["a tensor that is no object", { a: 3 }, 0],
    ["a type that is no text", { a: { dtype: 16, shape: [2], data_offsets: [0, 4] } }, 4],
    ["a type that does not fit the shape", { a: { dtype: "F16", shape: [1], data_offsets: [0, 4] } }, 4],
    ["a missing shape", { a: { dtype: "F32", data_offsets: [0, 4] } }, 4],
    ["a negative extent", { a: f32([-1, -1], 0, 4) }, 4],
    ["a broken extent", { a: f32([0.5, 2], 0, 4) }, 4],
    ["missing offsets", { a: { dtype: "F32", shape: [1] } }, 4],
    ["three offsets", { a: f32([1], 0, 4, 8) }, 4],
    ["offsets that do not fit the shape", { a: f32([2], 0, 4) }, 4],
    ["offsets in reverse", { a: f32([1], 4, 0) }, 4],
    ["offsets beyond the end", { a: f32([2], 0, 8) }, 4],
    ["an overlap", { a: f32([2], 0, 8), b: f32([2], 4, 12) }, 12],
    ["a gap", { a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12],
    ["a shape too large to be", { a: f32([2 ** 40, 2 ** 40], 0, 4) }, 4],
    ["metadata that is no object", { __metadata__: "x" }, 0],
    ["metadata that is no text", { __metadata__: { a: 1 } }, 0],
  ])("%s is damage", (_, header, dataBytes) => {
    expectDamaged(fileOf(header, dataBytes));
  });

  test.each(["F16", "BF16", "I64", "F4"])("numbers of type %s are no damage, but are not read", (dtype) => {
    const bytes = fileOf(
      { w: { dtype, shape: [2], data_offsets: [0, dtype === "I64" ? 16 : 4] } },
      dtype === "I64" ? 16 : 4,
    );
    expect(() => decodeSafetensors(bytes)).toThrow(
      expect.objectContaining({ code: "C0407", message: expect.stringContaining(`\`w\` in it is of type ${dtype}`) }),
    );
  });

  test("a message says where the damage is", () => {
    const bytes = encodeSafetensors(example);
    expect(() => decodeSafetensors(bytes.subarray(0, bytes.length - 3))).toThrow(/it ends within `rnn\/b`/);
    expect(() => decodeSafetensors(bytes.subarray(0, 30))).toThrow(/it ends within its header, after 30 of \d+ bytes/);
    expect(() => decodeSafetensors(new Uint8Array())).toThrow(/it is empty/);
  });

  test("a header that claims to be huge is damage, before memory is spent on it", () => {
    const bytes = encodeSafetensors(example);
    new DataView(bytes.buffer).setBigUint64(0, 2n ** 63n, true);
    expectDamaged(bytes);
  });
});

function expectDamaged(bytes: Uint8Array): void {
  expect(() => decodeSafetensors(bytes)).toThrow(expect.objectContaining({ code: "C0404" }));
}

test("a tensor named as the metadata is refused, and one named as a prototype is kept", () => {
  const one = { shape: [1], data: Float32Array.of(7) };
  expect(() => encodeSafetensors({ tensors: new Map([["__metadata__", one]]), metadata: {} })).toThrow(
    expect.objectContaining({ code: "C0406" }),
  );
  const { tensors } = decodeSafetensors(encodeSafetensors({ tensors: new Map([["__proto__", one]]), metadata: {} }));
  expect([...tensors]).toEqual([["__proto__", one]]);
});
