import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodeCheckpoint, encodeCheckpoint } from "../../runtime/checkpoint.ts";
import { readCheckpoint, writeCheckpoint } from "../../runtime/node/checkpoint-file.ts";
import { decodeSafetensors, encodeSafetensors } from "../../runtime/safetensors.ts";
import type { SessionState } from "../../runtime/state.ts";

const state: SessionState = {
  name: "lstm",
  fingerprint: "f1",
  dims: { batch: 2, hidden: 3 },
  optimizer: "adam",
  counters: { seed: -1, step: 5, run: 9, seen: [3, 3, 0.25], estimated: 9 },
  tensors: new Map([["rnn/Wx", { shape: [1, 3], data: Float32Array.of(1, 2, 3) }]]),
};

describe("a checkpoint", () => {
  test("decode ∘ encode is the identity", () => {
    expect(decodeCheckpoint(encodeCheckpoint(state))).toEqual(state);
  });

  test.each([
    ["a format of another program", { format: "pt" }],
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

  test.each(["format", "name", "fingerprint", "optimizer", "dims", "counters"])("without `%s` is damaged", (key) => {
    const { tensors, metadata } = decodeSafetensors(encodeCheckpoint(state));
    const { [key]: _, ...rest } = metadata;
    const bytes = encodeSafetensors({ tensors, metadata: rest });
    expect(() => decodeCheckpoint(bytes)).toThrow(expect.objectContaining({ code: "C0404" }));
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
    await expect(readCheckpoint(path)).rejects.toMatchObject({ code: "C0404" });
  });
});
