/** Training that goes from here to PyTorch and back, and on after a process was killed. */
import { spawn } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { decodeCheckpoint } from "../../../runtime/checkpoint.ts";
import { python as pythonCommand } from "../../targets/pytorch/python.ts";
import { cellc } from "../run-here.ts";
import { exportTraining, lossesOf } from "./exported-training.ts";
import { run, torchrunArguments } from "./python.ts";
import { smallModel, trained } from "./small-run.ts";

let root = "";

beforeAll(async () => {
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

const python = (folder: string, ...args: readonly string[]) => run(["train.py", ...args], { folder });

test.each([
  ["adam and clipping, statistics from a pass over the data", ["--clip", "0.5", "--lr", "0.01"], {}],
  [
    "adamw, a schedule, moving statistics, sequences of different lengths",
    [
      ...["--optimizer", "adamw", "--decay", "step", "--decay-every", "60", "--decay-factor", "0.5", "--warmup", "5"],
      // Where a gradient is small, AdamW follows its rounding, which is another one on each machine: a larger ε damps that.
      ...["--stats", "ema", "--lr", "0.01", "--eps", "1e-3"],
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
  const next = join(folder, "back");
  const imported = await cellc(["import", join(torch, "checkpoint.safetensors"), "--to", parts, "--out", next]);
  expect(imported.code, imported.stderr).toBe(0);
  const evaluated = await cellc(["eval", next, "--json"]);
  expect(evaluated.code, evaluated.stderr).toBe(0);
  await trained(["--resume", next, "--steps", "300"]);
  const [ours, there, back] = await Promise.all([whole, torch, next].map((of) => lossesOf(join(of, "curve.jsonl"))));
  for (const kind of ["train", "evaluation"] as const) {
    expect(difference(ours[kind], there[kind], 101)).toMatchObject({ steps: kind === "train" ? 100 : 4 });
    expect(difference(ours[kind], there[kind], 101).worst).toBeLessThan(1e-4);
    expect(difference(ours[kind], back[kind], 201)).toMatchObject({ steps: kind === "train" ? 100 : 4 });
    expect(difference(ours[kind], back[kind], 201).worst).toBeLessThan(1e-4);
  }
  expect(JSON.parse(evaluated.stdout).loss).toBeCloseTo(there.evaluation.get(200)!, 5);
});

/** The processes that a process has started. Linux only. */
async function childrenOf(pid: number): Promise<readonly number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.trim().split(" ").filter(Boolean).map(Number);
}

/** Runs `torchrun` until it says `words`, kills the last of its processes, and waits for its end. */
function killed(folder: string, words: string, args: readonly string[]): Promise<{ readonly code: number | null }> {
  return new Promise((resolve, reject) => {
    const torchrun = spawn(pythonCommand(), [...torchrunArguments(2), "train.py", ...args], {
      cwd: folder,
      env: { ...process.env, OMP_NUM_THREADS: "1", PYTHONUNBUFFERED: "1" },
    });
    let said = "";
    let isKilled = false;
    const hear = (chunk: Buffer): void => {
      said += chunk.toString();
      if (isKilled || !said.includes(words)) return;
      isKilled = true;
      childrenOf(torchrun.pid!).then((pids) => process.kill(pids.at(-1)!, "SIGKILL"), reject);
    };
    torchrun.stdout.on("data", hear);
    torchrun.stderr.on("data", hear);
    torchrun.on("error", reject);
    torchrun.on("close", (code) => (isKilled ? resolve({ code }) : reject(new Error(said))));
  });
}

test("after a process was killed, training goes on from the last checkpoint as if nothing had been", async () => {
  const folder = join(root, "killed");
  const args = [
    ...(await smallModel(folder)),
    "--batch",
    "15",
    "--lr",
    "0.01",
    "--clip",
    "1",
    "--evaluate-every",
    "20",
  ];
  const [here, torch, whole] = ["run", "torch", "whole"].map((name) => join(folder, name));
  await trained([...args, "--steps", "20", "--out", here]);
  await exportTraining(here, torch);
  await cp(torch, whole, { recursive: true });
  const steps = ["--steps", "60", "--save-every", "5", "--say-every", "1"];
  const { code } = await killed(torch, "step 27/60", steps);
  expect(code).not.toBe(0);
  const left = decodeCheckpoint(await readFile(join(torch, "checkpoint.safetensors"))).counters.step;
  expect(left % 5).toBe(0);
  expect(left).toBeGreaterThanOrEqual(25);
  expect(left).toBeLessThan(60);
  // As of a process that was killed while it wrote.
  await writeFile(join(torch, ".checkpoint.safetensors.1.part"), "");
  const end = [...torchrunArguments(2), "train.py", "--steps", "60", "--save-every", "5"];
  const again = await run(end, { folder: torch });
  expect(again.code, again.text).toBe(0);
  expect(again.text).toContain(`step ${left} of 60; 2 ranks`);
  expect((await run(end, { folder: whole })).code).toBe(0);
  const [ours, theirs] = await Promise.all([whole, torch].map((of) => lossesOf(join(of, "curve.jsonl"))));
  for (const kind of ["train", "evaluation"] as const) {
    expect([...theirs[kind].keys()]).toEqual([...ours[kind].keys()]);
    expect(difference(ours[kind], theirs[kind], 0).worst).toBeLessThan(1e-6);
  }
  const alone = await python(torch, "--batch", "1", "--steps", "70");
  expect(alone.code).not.toBe(0);
  expect(alone.text).toContain("norms see 1 example at a time, which is its own mean");
  // Nothing half-written is left.
  expect((await readdir(torch)).filter((name) => name.endsWith(".part"))).toEqual([]);
}, 300_000);
