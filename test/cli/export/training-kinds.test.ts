/** Models of several kinds: some steps in PyTorch beside the same steps here. */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { decodeCheckpoint } from "../../../runtime/checkpoint.ts";
import type { SessionState } from "../../../runtime/state.ts";
import { runPython } from "../../targets/pytorch/python.ts";
import { exportTraining, lossesOf } from "./exported-training.ts";
import { smallModel, trained } from "./small-run.ts";

let root = "";
let data: readonly string[] = [];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cellc-kinds-"));
  const [, , , ...rest] = await smallModel(root);
  data = rest;
  await writeFile(join(root, "bn.cell"), BN);
});

afterAll(() => rm(root, { recursive: true, force: true }));

const BN = `cell bn(D, H) {
  param Wx : [D, H] = orthogonal
  param Wh : [H, H] = orthogonal
  input x  : [D]
  state h  : [H] = 0
  site xh = x @ Wx
  h' = tanh(xh + h @ Wh)
  output h'
  place xh : batch
}
`;

const body = (parts: { readonly norm?: string; readonly after?: string; readonly more?: string }): string => `
import { bn } from "./bn.cell"
model small(D = 2, H = 5, K = 3) {
  param W : [H, K] = orthogonal
  param b : [K]    = 0
  input x : [D] over time
  target y : index(K)
  hs = scan bn(D, H) over x
  site z = last(hs) @ W
  logits = z + b
  output logits
  loss cross_entropy(logits, y)${parts.after ?? ""}
  metric accuracy = correct(logits, y)
${parts.more ?? ""}${parts.norm === undefined ? "" : `  place z : ${parts.norm}\n`}}
`;

/** The largest difference, relative to the largest number if that is above 1. */
const largest = (a: Float32Array, b: Float32Array): number =>
  Math.max(...a.map((x, i) => Math.abs(x - b[i]))) / Math.max(1, ...a.map(Math.abs));

test.each([
  ["a norm of what is over no steps", body({ norm: "batch" }), []],
  [
    "terms of a loss, and a parameter that it does not depend on",
    body({
      after: " + mse(hs, 0 * hs)",
      more: "  param s : [K] = 1\n  other = logits * s\n  output other\n  metric size = mse(hs, 0 * hs)\n",
    }),
    ["--optimizer", "momentum"],
  ],
  [
    "statistics that steps share, moving",
    body({}),
    ["--place", "bn.xh=batch(stats = shared)", "--stats", "ema", "--optimizer", "rmsprop"],
  ],
  [
    "a norm that changes in the course of training",
    body({}),
    ["--place", "bn.xh=batch_renorm(r_max = ramp(1, 3, 2, 20), d_max = ramp(0, 5, 3, 12))", "--optimizer", "sgd"],
  ],
  ["averaged weights", body({}), ["--ema", "0.9", "--evaluate-every", "3"]],
  ["steps of several batches", body({}), ["--accumulate", "3", "--clip", "0.5"]],
  ["no norm", body({}), ["--place", "bn.xh=none", "--optimizer", "adamw", "--decayed", "all"]],
])("%s", async (name, text, how) => {
  const at = (what: string): string => join(root, `${name.replace(/\W+/g, "-")}-${what}`);
  const [here, on, torch] = [at("here"), at("on"), at("torch")];
  const file = join(root, `${name.replace(/\W+/g, "-")}.cell`);
  await writeFile(file, text);
  await trained([file, ...data, ...how, "--batch", "8", "--lr", "0.02", "--steps", "8", "--out", here]);
  await exportTraining(here, torch);
  await cp(here, on, { recursive: true });
  await trained(["--resume", on, "--steps", "16"]);
  runPython([join(torch, "train.py"), "--steps", "16"]);
  const [ours, theirs] = await Promise.all([on, torch].map((of) => lossesOf(join(of, "curve.jsonl"))));
  expect(theirs.train.size).toBe(8);
  for (const kind of ["train", "evaluation"] as const)
    for (const [step, loss] of theirs[kind])
      expect(Math.abs(loss / ours[kind].get(step)! - 1), `${kind}, step ${step}`).toBeLessThan(1e-5);
  const [was, is] = await Promise.all(
    [join(on, "model.safetensors"), join(torch, "checkpoint.safetensors")].map(async (path) =>
      decodeCheckpoint(await readFile(path)),
    ),
  );
  expect(is.counters).toEqual(was.counters);
  for (const kind of ["tensors", "average"] as const) {
    const [ours, theirs] = [was, is].map((state): NonNullable<SessionState["average"]> => state[kind] ?? new Map());
    expect(new Set(theirs.keys())).toEqual(new Set(ours.keys()));
    for (const [name, { data }] of ours) expect(largest(data, theirs.get(name)!.data), name).toBeLessThan(1e-5);
  }
});
