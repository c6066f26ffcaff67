/** Training that goes from here to PyTorch and back, and on after a process was killed. */
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cellc } from "../run-here.ts";
import { exportTraining, lossesOf } from "./exported-training.ts";
import { PYTHON, requireTorch, run } from "./python.ts";
import { smallModel, trained } from "./small-run.ts";

let root = "";

beforeAll(async () => {
  await requireTorch();
  root = await mkdtemp(join(tmpdir(), "cellc-resume-"));
});

afterAll(() => rm(root, { recursive: true, force: true }));

/** The worst relative difference of losses at the steps from `first` on that both have, and how many those are. */
function difference(
  ours: ReadonlyMap<number, number>,
  theirs: ReadonlyMap<number, number>,
  first: number,
): { readonly worst: number; readonly steps: number } {
  const both = [...theirs].filter(([step]) => step >= first && ours.has(step));
  const errors = both.map(([step, loss]) => Math.abs(loss - ours.get(step)!) / Math.abs(ours.get(step)!));
  return { worst: Math.max(...errors), steps: both.length };
}

const python = (folder: string, ...args: readonly string[]) => run(PYTHON, ["train.py", ...args], { folder });

test.each([
  ["adam and clipping, statistics from a pass over the data", ["--clip", "0.5", "--lr", "0.01"], {}],
  [
    "adamw, a schedule, moving statistics, sequences of different lengths",
    [
      ...["--optimizer", "adamw", "--decay", "step", "--decay-every", "60", "--decay-factor", "0.5", "--warmup", "5"],
      ...["--stats", "ema", "--lr", "0.01"],
    ],
    { ragged: true },
  ],
])("100 steps here, 100 in PyTorch and 100 here are 300 steps here: %s", async (name, how, data) => {
  const folder = join(root, name.replace(/\W+/g, "-"));
  const args = [...(await smallModel(folder, data)), ...how, "--batch", "16", "--evaluate-every", "25"];
  const [whole, parts, torch] = ["whole", "parts", "torch"].map((name) => join(folder, name));
  await trained([...args, "--steps", "300", "--out", whole]);
  await trained([...args, "--steps", "100", "--out", parts]);
  await exportTraining(parts, torch);
  const { code, text } = await python(torch, "--steps", "200");
  expect(code, text).toBe(0);
  await copyFile(join(torch, "checkpoint.safetensors"), join(parts, "model.safetensors"));
  const evaluated = await cellc(["eval", join(parts, "model.safetensors"), "--json"]);
  expect(evaluated.code, evaluated.stderr).toBe(0);
  await trained(["--resume", parts, "--steps", "300"]);
  const [ours, there, back] = await Promise.all([whole, torch, parts].map((of) => lossesOf(join(of, "curve.jsonl"))));
  for (const kind of ["train", "evaluation"] as const) {
    expect(difference(ours[kind], there[kind], 101)).toMatchObject({ steps: kind === "train" ? 100 : 4 });
    expect(difference(ours[kind], there[kind], 101).worst).toBeLessThan(1e-4);
    expect(difference(ours[kind], back[kind], 201)).toMatchObject({ steps: kind === "train" ? 100 : 4 });
    expect(difference(ours[kind], back[kind], 201).worst).toBeLessThan(1e-4);
  }
  expect(JSON.parse(evaluated.stdout).loss).toBeCloseTo(there.evaluation.get(200)!, 5);
});
