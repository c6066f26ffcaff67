/** What an export for training writes, and what it refuses. No Python is needed. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { headerOf } from "../../../runtime/safetensors.ts";
import { exportTraining } from "./exported-training.ts";
import { smallModel, trained } from "./small-run.ts";

let root = "";
let run = "";

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cellc-files-"));
  run = join(root, "run");
  const args = await smallModel(root, { ragged: true });
  await trained([...args, "--batch", "8", "--steps", "2", "--out", run]);
});

afterAll(() => rm(root, { recursive: true, force: true }));

let others = 0;

/** A folder of its own. */
const other = (): string => join(root, `other${others++}`);

/** The export of the run as if it had been told this, too. */
async function exportedWith(options: Readonly<Record<string, unknown>>) {
  const path = join(run, "run.json");
  const text = await readFile(path, "utf8");
  const record = JSON.parse(text);
  await writeFile(path, JSON.stringify({ ...record, options: { ...record.options, ...options } }));
  try {
    return await exportTraining(run, other(), ["--no-examples"]);
  } finally {
    await writeFile(path, text);
  }
}

test("the run's examples are written as tensors, whose sequences come first", async () => {
  const out = join(root, "torch");
  const { files } = await exportTraining(run, out);
  expect([...files].sort()).toEqual([
    ...["README.md", "check.safetensors", join("data", "train.safetensors"), join("data", "validation.safetensors")],
    ...["preparation.json", "small.py", "start.safetensors", "train.py", "weights.safetensors"],
  ]);
  const bytes = await readFile(join(out, "data", "train.safetensors"));
  const size = Number(bytes.readBigUInt64LE(0));
  const broken = (reason: string) => new Error(reason);
  const { places, metadata } = headerOf(bytes.subarray(0, 8 + size), bytes.length, broken);
  expect(metadata.format).toBe("cellc-examples-1");
  const of = (name: string) => places.find((place) => place.name === name)!;
  expect(of("x")).toMatchObject({ dtype: "F32", shape: [48, 6, 2] });
  expect(of("y")).toMatchObject({ dtype: "I32", shape: [48] });
  expect(of("lengths")).toMatchObject({ dtype: "I32", shape: [48] });
  const lengths = Array.from({ length: 48 }, (_, i) => bytes.readInt32LE(of("lengths").start + 4 * i));
  expect(new Set(lengths)).toEqual(new Set([3, 4, 5, 6]));
  // Behind an example's last step there is nothing.
  const row = lengths.indexOf(3);
  const x = Array.from({ length: 12 }, (_, i) => bytes.readFloatLE(of("x").start + 4 * (12 * row + i)));
  expect(x.slice(0, 6).every((value) => value !== 0)).toBe(true);
  expect(x.slice(6)).toEqual(new Array(6).fill(0));
});

test("the README says how often processes wait for each other, and at which sites", async () => {
  const out = join(root, "told");
  const { files } = await exportTraining(run, out, ["--no-examples"]);
  expect(files).not.toContain(join("data", "train.safetensors"));
  const readme = await readFile(join(out, "README.md"), "utf8");
  expect(readme).toContain("there are 2 all-reduces forward and as many backward, for `bn.hh`, `bn.cc`");
  expect(readme).toContain("there is one all-reduce for all steps together, for `bn.xh`");
  expect(readme).toContain("torchrun --standalone --nproc_per_node=4 train.py --steps 8");
  expect(readme).toContain("Examples are not exported");
});

test("the checkpoint is that of the run, as it is", async () => {
  const out = join(root, "same");
  await exportTraining(run, out, ["--no-examples"]);
  const [ours, theirs] = await Promise.all(
    [join(run, "model.safetensors"), join(out, "start.safetensors")].map((path) => readFile(path)),
  );
  expect(theirs.equals(ours)).toBe(true);
});

describe("a run is refused that is told what the script cannot do:", () => {
  test.each([
    [{ noise: "drawn" }, "--noise drawn in evaluations"],
    [{ decay: "plateau" }, "--decay plateau, which depends on evaluations"],
    [{ decay: { name: "plateau", patience: 3 } }, "--decay plateau, patience 3, which depends on evaluations"],
  ])("%o", async (options, words) => {
    await expect(exportedWith(options)).rejects.toMatchObject({
      code: "C0301",
      message: expect.stringContaining(`the run uses ${words}`),
    });
  });

  test("--batch 1, whose norms have nothing to normalize by", async () => {
    await expect(exportedWith({ batch: 1 })).rejects.toMatchObject({
      code: "C0301",
      message: expect.stringContaining("--batch 1 of a model with norms over the batch"),
    });
  });

  test("and a checkpoint that stands in no run", async () => {
    const stray = join(root, "stray.safetensors");
    await writeFile(stray, await readFile(join(run, "model.safetensors")));
    await expect(exportTraining(stray, other())).rejects.toMatchObject({ code: "C0301" });
  });
});

test("what does not change a step is left out, and said", async () => {
  const { said } = await exportedWith({ patience: 3, maxTime: 60, test: true, tensorboard: "tb" });
  for (const option of ["--patience", "--max-time", "--test", "--tensorboard"]) expect(said).toContain(option);
});

test("more examples than there is to be room for are refused, before anything is written", async () => {
  const out = join(root, "large");
  await expect(exportTraining(run, out, ["--examples-limit", "1000"])).rejects.toMatchObject({
    code: "C0406",
    help: expect.stringContaining("--no-examples"),
  });
  await expect(readFile(join(out, "train.py"))).rejects.toThrow();
});
