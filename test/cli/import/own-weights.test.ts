import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { readCheckpoint } from "../../../runtime/node/checkpoint-file.ts";
import { decodeSafetensors, encodeSafetensors } from "../../../runtime/safetensors.ts";
import type { SavedTensor } from "../../../runtime/state.ts";
import { cellc } from "../run-here.ts";

const folder = "test/fixtures/weights";
const scratch = mkdtempSync(join(inject("scratch"), "import-own-"));
const out = join(scratch, "a.safetensors");
const model = ["--task", "adding", "--time", "10", "--dims", "H=3"];
const cell = ["--to", "examples/cells/bnlstm.cell", ...model];

const imported = (file: string, ...more: readonly string[]) => cellc(["import", file, ...cell, "-o", out, ...more]);

/** The parameters and statistics of a checkpoint, as bits. */
const numbersOf = (tensors: ReadonlyMap<string, SavedTensor>) =>
  new Map(
    [...tensors]
      .filter(([name]) => !name.startsWith("slot/"))
      .map(([name, { shape, data }]) => [name, { shape, bits: [...new Uint32Array(data.slice().buffer)] }] as const),
  );

describe("a checkpoint that went through PyTorch", () => {
  it("comes back from a state_dict bit for bit, with the counts of its statistics", async () => {
    const before = await readCheckpoint(`${folder}/own.safetensors`);
    expect(await imported(`${folder}/own.pt`)).toMatchObject({ code: 0 });
    const after = await readCheckpoint(out);
    expect(numbersOf(after.tensors)).toEqual(numbersOf(before.tensors));
    expect(after.counters).toMatchObject({ step: 0, run: 4, seen: before.counters.seen });
    expect(after.fingerprint).toBe(before.fingerprint);
    expect([...after.tensors.keys()].sort()).toEqual([...before.tensors.keys()].sort());
    for (const [name, { data }] of after.tensors)
      if (name.startsWith("slot/")) expect(data.every((value) => value === 0)).toBe(true);
  });

  it("comes back without what wrappers put before its names, and without counts as one batch", async () => {
    const { code, stdout } = await imported(`${folder}/own_wrapped.pt`);
    expect(code).toBe(0);
    expect(stdout).toMatch(/`module\.`, which DistributedDataParallel[\s\S]*`_orig_mod\.`, which torch\.compile/);
    expect(stdout).toContain("count as collected from one batch");
    const after = await readCheckpoint(out);
    expect(numbersOf(after.tensors)).toEqual(numbersOf((await readCheckpoint(`${folder}/own.safetensors`)).tensors));
    expect(after.counters.seen).toEqual(Array.from({ length: 10 }, () => 1));
  });

  it("in our own layout is taken as it is, with its optimiser's state and its counters", async () => {
    expect(await imported(`${folder}/own_trained.safetensors`)).toMatchObject({ code: 0 });
    const [there, here] = [await readCheckpoint(`${folder}/own_trained.safetensors`), await readCheckpoint(out)];
    expect(here).toEqual(there);
    expect(here.counters.step).toBe(5);
    // It is a checkpoint without any import, too.
    const evaluated = [
      "eval",
      "examples/cells/bnlstm.cell",
      ...model,
      "--checkpoint",
      `${folder}/own_trained.safetensors`,
    ];
    expect(await cellc([...evaluated, "--batch", "64"])).toMatchObject({ code: 0 });
    expect(await imported(`${folder}/own_trained.safetensors`, "--rest", "initial")).toMatchObject({ code: 2 });
    const other = [
      "import",
      `${folder}/own_trained.safetensors`,
      "--to",
      "examples/cells/bnlstm.cell",
      "--task",
      "adding",
    ];
    expect(await cellc([...other, "--dims", "H=4", "--time", "10", "-o", out])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("C0403"),
    });
    expect(await imported(`${folder}/own_trained.safetensors`, "--place", "cc=none")).toMatchObject({ code: 1 });
  });
});

describe("tensors by our own names", () => {
  const path = join(scratch, "changed.safetensors");
  /** The state_dict of the fixture as safetensors, changed. */
  const changed = (change: (tensors: Map<string, SavedTensor>) => void): string => {
    const { tensors } = decodeSafetensors(readFileSync(`${folder}/own.safetensors`));
    const own = new Map(
      [...tensors].flatMap(([name, t]) => (name.startsWith("slot/") ? [] : [[name.replaceAll("/", "."), t]])),
    );
    change(own);
    writeFileSync(path, encodeSafetensors({ tensors: own, metadata: { format: "pt" } }));
    return path;
  };
  const vector = (n: number, value = 0): SavedTensor => ({ shape: [n], data: new Float32Array(n).fill(value) });

  it("may count updates, which steps then go on from", async () => {
    const counted = (...counts: readonly number[]) =>
      changed((tensors) => {
        for (const [at, count] of counts.entries())
          tensors.set(["updates", "bnlstm.hh.updates"][at], { shape: [], data: Float32Array.of(count) });
      });
    expect(await imported(counted(7, 7))).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("counted from 7 on"),
    });
    expect((await readCheckpoint(out)).counters.step).toBe(7);
    expect(await imported(counted(7, 8))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("counts of updates are 7, 8"),
    });
    expect(await imported(counted(-1))).toMatchObject({ code: 1 });
  });

  it("that are missing, unknown or of another shape are refused, all in one message", async () => {
    const file = changed((tensors) => {
      tensors.delete("bnlstm.Wh");
      tensors.set("bnlstm.b", vector(3));
      tensors.set("optimizer.state", vector(2));
      tensors.delete("bnlstm.hh.m");
    });
    const { code, stderr } = await imported(file);
    expect(code).toBe(1);
    expect(stderr).toMatch(/C0403/);
    expect(stderr).toContain("it lacks `bnlstm.Wh` [3, 12]");
    expect(stderr).toContain("it lacks `bnlstm.hh.m` [10, 12]");
    expect(stderr).toContain("its `bnlstm.b` is [3], this one's [12]");
    expect(stderr).toContain("it has `optimizer.state [2]` besides");
  });

  it("may have more before their names, and what PyTorch's norms count is left out", async () => {
    const file = changed((tensors) => {
      for (const [name, tensor] of [...tensors]) {
        tensors.delete(name);
        tensors.set(`net.${name}`, tensor);
      }
      tensors.set("head.weight", vector(2));
      tensors.set("net.num_batches_tracked", vector(1));
    });
    expect(await imported(file)).toMatchObject({ code: 1 });
    const { code, stdout } = await imported(file, "--prefix", "net.");
    expect(code).toBe(0);
    expect(stdout).toContain("without `num_batches_tracked`");
  });

  it("that are not there begin as --rest says, and statistics that are not there are not known", async () => {
    const file = changed((tensors) => {
      for (const name of [...tensors.keys()]) if (/\.[mv]$/.test(name)) tensors.delete(name);
    });
    const { code, stdout } = await imported(file, "--rest", "initial");
    expect(code).toBe(0);
    expect(stdout).toContain("no statistics are known yet");
    expect((await readCheckpoint(out)).counters.seen).toEqual([]);
  });

  it("are no numbers if they are not finite, and counts are not negative", async () => {
    const nan = changed((tensors) => {
      tensors.set("bnlstm.b", vector(12, Number.NaN));
    });
    expect(await imported(nan)).toMatchObject({ code: 1, stderr: expect.stringContaining("holds NaN at 0") });
    const negative = changed((tensors) => {
      for (const site of ["hh", "xh", "cc"]) tensors.set(`bnlstm.${site}.batches`, vector(10, -1));
    });
    expect(await imported(negative)).toMatchObject({ code: 1, stderr: expect.stringContaining("no count") });
    const another = changed((tensors) => {
      for (const [at, site] of ["hh", "xh", "cc"].entries()) tensors.set(`bnlstm.${site}.batches`, vector(10, 1 + at));
    });
    expect(await imported(another)).toMatchObject({ code: 1, stderr: expect.stringContaining("different batches") });
    const misplaced = changed((tensors) => {
      tensors.set("bnlstm.batches", vector(10, 1));
    });
    expect(await imported(misplaced)).toMatchObject({ code: 1, stderr: expect.stringContaining("besides") });
  });
});

describe("a run", () => {
  const at = (name: string): string => join(scratch, name);
  const train = [
    "train",
    "examples/cells/bnlstm.cell",
    ...model,
    "--batch",
    "16",
    "--stats",
    "ema",
    "--evaluate-every",
    "6",
  ];

  beforeAll(async () => {
    expect(await cellc([...train, "--steps", "6", "--out", at("begun")])).toMatchObject({ code: 0 });
    expect(await cellc([...train, "--steps", "12", "--out", at("whole")])).toMatchObject({ code: 0 });
  });

  it("that left with its optimiser's state goes on as if it had never left", async () => {
    const brought = ["import", join(at("begun"), "model.safetensors"), "--to", at("begun"), "-o", at("back")];
    expect(await cellc(brought)).toMatchObject({ code: 0, stdout: expect.stringContaining("cellc train --resume") });
    expect(await cellc(["train", "--resume", at("back"), "--steps", "12"])).toMatchObject({ code: 0 });
    const [whole, back] = await Promise.all(
      ["whole", "back"].map(async (name) => readCheckpoint(join(at(name), "model.safetensors"))),
    );
    expect(back).toEqual(whole);
    const points = (name: string) => readFileSync(join(at(name), "curve.jsonl"), "utf8").split("\n").length;
    expect(points("back")).toBe(points("whole"));
  });

  it("that comes back from a state_dict begins its optimiser anew, and keeps the counts of its statistics", async () => {
    expect(await cellc(["import", `${folder}/own.pt`, "--to", at("begun"), "-o", at("third")])).toMatchObject({
      code: 0,
    });
    const state = await readCheckpoint(join(at("third"), "model.safetensors"));
    expect(state.counters).toMatchObject({ step: 0, seen: Array.from({ length: 10 }, () => 4) });
    expect(await cellc(["eval", at("third")])).toMatchObject({ code: 0 });
    expect(await cellc(["stats", at("third")])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("moving averages, of 4 training steps"),
    });
    expect(await cellc(["train", "--resume", at("third"), "--steps", "2"])).toMatchObject({ code: 0 });
    expect((await readCheckpoint(join(at("third"), "model.safetensors"))).counters.seen).toEqual(
      Array.from({ length: 10 }, () => 6),
    );
  });

  it("is never written over, and says itself what its model is", async () => {
    const again = (...more: readonly string[]) => cellc(["import", `${folder}/own.pt`, "--to", at("begun"), ...more]);
    expect(await again("-o", at("whole"))).toMatchObject({ code: 2, stderr: expect.stringContaining("C0408") });
    expect(await again("-o", join(at("whole"), "model.safetensors"))).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("is the checkpoint of a run"),
    });
    expect(await again("-o", out, "--dims", "H=3")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--dims"),
    });
    expect(await cellc(["import", `${folder}/own.pt`, ...cell, "-o", at("folder")])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("knows nothing of a run"),
    });
    expect(await again("-o", out, "--scan", "lstm")).toMatchObject({ code: 2 });
    expect(await again("-o", out, "--layers", "lstm")).toMatchObject({ code: 2 });
    expect(await again("-o", out, "--key", "a")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("nothing under `a`"),
    });
    expect(await cellc(["import", join(scratch, "none.pt"), ...cell, "-o", out])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("C0401"),
    });
  });
});
