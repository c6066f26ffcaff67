import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodeCheckpoint, encodeCheckpoint } from "../../runtime/checkpoint.ts";
import { checkpointOf, readCheckpoint, writeCheckpoint } from "../../runtime/node/checkpoint-file.ts";
import { decodeSafetensors, encodeSafetensors } from "../../runtime/safetensors.ts";
import type { SessionState } from "../../runtime/state.ts";

const state: SessionState = {
  name: "lstm",
  fingerprint: "f1",
  measures: { loss: "l1" },
  equations: { "state h": "e1", "norm hh": "n1 layer(eps = 1e-5)" },
  dims: { batch: 2, hidden: 3 },
  optimizer: "adam",
  counters: { seed: -1, step: 5, run: 9, seen: [3, 3, 0.25], estimated: 9 },
  tensors: new Map([["rnn/Wx", { shape: [1, 3], data: Float32Array.of(1, 2, 3) }]]),
};

describe("a checkpoint", () => {
  test("decode ∘ encode is the identity", () => {
    expect(decodeCheckpoint(encodeCheckpoint(state))).toEqual(state);
    const told = { ...state, optimizerOptions: { betas: "0.9,0.99" } };
    expect(decodeCheckpoint(encodeCheckpoint(told))).toEqual(told);
    const noted = { ...state, notes: { preparation: '{"mean":[1.5]}', "": "ö\n" } };
    expect(decodeCheckpoint(encodeCheckpoint(noted))).toEqual(noted);
  });

  test.each([
    ["equations that are no text", { equations: '{"state h":1}' }],
    ["measures that are no object", { measures: "[]" }],
    ["options of the optimiser that are no text", { optimizerOptions: '{"eps":1e-8}' }],
    ["notes that are no text", { notes: '{"scale":1}' }],
    ["dimensions that are no JSON", { dims: "{" }],
    ["dimensions that are no numbers", { dims: '{"batch":"2"}' }],
    ["counters that are no object", { counters: "3" }],
    ["counters that are missing", { counters: '{"seed":1,"step":2,"run":3}' }],
    ["names of statistics that are none", { counters: '{"seed":1,"step":2,"run":3,"seen":[],"written":[4]}' }],
    ["counters below zero", { counters: '{"seed":1,"step":-2,"run":3,"seen":[]}' }],
  ])("with %s is damaged", (_, change) => {
    const { tensors, metadata } = decodeSafetensors(encodeCheckpoint(state));
    const bytes = encodeSafetensors({ tensors, metadata: { ...metadata, ...change } });
    expect(() => decodeCheckpoint(bytes)).toThrow(expect.objectContaining({ code: "C0404" }));
  });

  const keys = ["name", "fingerprint", "measures", "equations", "optimizer", "dims", "counters"];
  test.each(keys)("without `%s` is damaged", (key) => {
    const { tensors, metadata } = decodeSafetensors(encodeCheckpoint(state));
    const { [key]: _, ...rest } = metadata;
    const bytes = encodeSafetensors({ tensors, metadata: rest });
    expect(() => decodeCheckpoint(bytes)).toThrow(expect.objectContaining({ code: "C0404" }));
  });
});

test("a checkpoint of the first format is read, and says nothing of equations", () => {
  const { measures: _, equations: __, ...first } = state;
  const bytes = encodeCheckpoint(first);
  expect(decodeSafetensors(bytes).metadata.format).toBe("cellc-checkpoint-1");
  expect(decodeCheckpoint(bytes)).toEqual(first);
});

describe("a file of another program", () => {
  const refusedWith = (bytes: Uint8Array): string => {
    try {
      decodeCheckpoint(bytes);
    } catch (error) {
      expect(error).toMatchObject({ code: "C0407" });
      return (error as Error).message;
    }
    throw new Error("it was read");
  };

  test("that is sound safetensors is named with what it holds", () => {
    const tensors = new Map([["weight_ih_l0", { shape: [2, 3], data: new Float32Array(6) }]]);
    expect(refusedWith(encodeSafetensors({ tensors, metadata: { format: "pt" } }))).toBe(
      "this is no checkpoint of cellc: it is a sound safetensors file, with weight_ih_l0 [2, 3] (metadata: format = pt), that another program wrote",
    );
    const many = new Map(Array.from({ length: 9 }, (_, i) => [`w${i}`, { shape: [], data: new Float32Array(1) }]));
    expect(refusedWith(encodeSafetensors({ tensors: many, metadata: {} }))).toContain("w5 [] and 3 more, that another");
    const later = encodeSafetensors({ tensors, metadata: { format: "cellc-checkpoint-9" } });
    expect(refusedWith(later)).toContain("of the format cellc-checkpoint-9, which this version does not know");
  });

  test.each([
    ["a file of PyTorch's own (torch.save)", "PK\x03\x04\x00\x00\x08\x08\x00\x00archive/data.pklFB"],
    ["a NumPy archive (.npz)", "PK\x03\x04\x14\x00\x00\x00\x00\x00weights.npy"],
    ["a zip archive", "PK\x03\x04\x14\x00\x00\x00\x00\x00other.txt"],
    ["a NumPy array (.npy)", "\x93NUMPY\x01\x00v\x00{'descr'"],
    ["an HDF5 file", "\x89HDF\r\n\x1a\n\x00\x00"],
    ["a Python pickle", "\x80\x02}q\x00(X\x05\x00\x00\x00"],
    ["an ONNX model", "\b\x07\x12\x07pytorch\x1a\x051.13"],
    ["a GGUF file", "GGUF\x03\x00\x00\x00"],
    ["a TensorFlow Lite model", "\x1c\x00\x00\x00TFL3"],
    ["a gzip archive", "\x1f\x8b\x08\x00"],
    ["JSON text", '{\n  "weights": [1, 2]\n}'],
    ["JSON text", "[[1, 2], [3, 4]]"],
  ])("that is %s is named", (words, text) => {
    const bytes = Uint8Array.from(text, (char) => char.charCodeAt(0));
    const refused = expect.objectContaining({ code: "C0407", message: expect.stringContaining(`it is ${words}`) });
    expect(() => checkpointOf("weights", bytes)).toThrow(refused);
  });
});

describe("a checkpoint file", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "checkpoint-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test("is read as it was written, replaces the one before, and leaves nothing beside it", async () => {
    const path = join(folder, "last.safetensors");
    await writeCheckpoint(path, { ...state, name: "older" });
    await writeCheckpoint(path, state);
    expect(await readCheckpoint(path)).toEqual(state);
    expect(await readdir(folder)).toEqual(["last.safetensors"]);
  });

  test("that cannot be written leaves the old one and nothing beside it", async () => {
    const path = join(folder, "last.safetensors");
    await writeFile(path, "old");
    const unwritable = { ...state, dims: { batch: 1n as unknown as number } };
    await expect(writeCheckpoint(path, unwritable)).rejects.toThrow(TypeError);
    expect(await readFile(path, "utf8")).toBe("old");
    expect(await readdir(folder)).toEqual(["last.safetensors"]);
  });

  test("that is damaged says so", async () => {
    const path = join(folder, "torn.safetensors");
    await writeFile(path, encodeCheckpoint(state).subarray(0, 40));
    await expect(readCheckpoint(path)).rejects.toMatchObject({
      code: "C0404",
      message: expect.stringMatching(/torn\.safetensors: .* ends within its header/),
    });
  });
});
