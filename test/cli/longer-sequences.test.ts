/** A run's model measured on windows of other lengths than it was trained on, from the command line, beside the reference in f64. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import * as dim from "../../compiler/ir/dim.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import { lower } from "../../compiler/lower.ts";
import { readCheckpoint } from "../../runtime/node/checkpoint-file.ts";
import type { SessionState } from "../../runtime/state.ts";
import { tolerance } from "../compile/tolerances.ts";
import { withFolder } from "../data/mnist.ts";
import { uniform } from "../ir/numbers.ts";
import { compile } from "../semantics/sources.ts";
import { cellc } from "./run-here.ts";

const [V, H] = [4, 3];
const model = `cell rnn(V = ${V}, H = ${H}) {
  param Wx : [V, H] = orthogonal
  param Wh : [H, H] = orthogonal
  input x : [V]
  state h : [H] = 0
  site hh = h @ Wh
  site xh = x @ Wx
  h' = tanh(hh + xh)
  output h'
  place hh, xh : batch(gamma = 0.5)
}
model next(V = ${V}, H = ${H}) {
  param R  : [H, V] = orthogonal
  input w  : index(V) over time
  target y : index(V) over time
  hs = scan rnn(V, H) over one_hot(w, V)
  logits = hs @ R
  output logits
  loss cross_entropy(logits, y)
  metric bits = cross_entropy(logits, y) / log(2)
}
`;

const [STEPS, BATCH] = [6, 4];
/** Of 600 symbols, the last 300 are the test part. */
const [LENGTH, FROM] = [600, 300];

/** Symbols by their places, so that the next one depends on the last two. */
function symbols(): readonly number[] {
  const random = uniform(5);
  const found = [0, 1];
  while (found.length < LENGTH)
    found.push((found[found.length - 1] + found[found.length - 2] + Number(random() < 0.2)) % V);
  return found;
}

/** The mean loss of batches of windows, in f64. Each step has the statistics of the checkpoint's row, or of the batch. */
function reference(
  { tensors }: SessionState,
  text: readonly number[],
  { window, stride, statistics }: { readonly window: number; readonly stride: number; readonly statistics: string },
): { readonly loss: number; readonly examples: number } {
  const { graph } = compile(model);
  const entry = statistics === "batch" ? "estimate" : "infer";
  const lowered = lower(graph, {}, [entry]).entries[entry];
  const starts: number[] = [];
  for (let from = FROM; from + window + 1 <= LENGTH; from += stride) starts.push(from);
  let [sum, examples] = [0, 0];
  for (let first = 0; first < starts.length; first += BATCH) {
    const batch = starts.slice(first, first + BATCH);
    if (statistics === "batch" && batch.length < BATCH) break;
    const dims = { V, H, batch: batch.length, time: window, steps: STEPS };
    const at = (ahead: number): number[] =>
      Array.from({ length: window }, (_, t) => batch.map((from) => text[from + t + ahead])).flat();
    const results = interpret(lowered, {
      dims,
      leaf(name, leaf, type) {
        if (leaf.kind === "index") return at(name === "y" ? 1 : 0);
        if (leaf.kind === "hyper") return new Float64Array(type.time ? window : 1);
        const { data } = tensors.get(name)!;
        if (leaf.kind !== "population") return data;
        const width = type.shape.reduce((product, extent) => product * dim.evaluate(extent, dims), 1);
        return Float64Array.from({ length: window * width }, (_, i) => {
          const row = Math.min(Math.floor(i / width), STEPS - 1);
          return data[row * width + (i % width)];
        });
      },
    });
    sum += batch.length * results.get("loss:loss")!.data[0];
    examples += batch.length;
  }
  return { loss: sum / examples, examples };
}

test("windows of any length are measured as the reference does, with the statistics of the last step going on or the batch's own", () =>
  withFolder(async (folder) => {
    const [cell, data, run] = ["next.cell", "text.txt", "run"].map((name) => join(folder, name));
    const text = symbols();
    await writeFile(cell, model);
    await writeFile(data, text.map((symbol) => "abcd"[symbol]).join(""));
    const cut = ["--window", `${STEPS}`, "--stride", `${STEPS}`, "--split", "0.3,0.2,0.5"];
    const how = ["--batch", `${BATCH}`, "--steps", "30", "--lr", "2e-2", "--clip", "1"];
    const trained = await cellc(["train", cell, "--data", data, ...cut, ...how, "--out", run]);
    expect([trained.code, trained.stderr]).toEqual([0, expect.anything()]);
    const state = await readCheckpoint(join(run, "best.safetensors"));
    expect(state.counters.seen).toHaveLength(STEPS);

    const measure = async (window: number, ...more: readonly string[]) => {
      const args = ["eval", run, "--split", "test", "--window", `${window}`, ...more];
      const ended = await cellc([...args, "--json"]);
      expect([ended.code, ended.stderr]).toEqual([0, expect.not.stringContaining("training windows")]);
      return JSON.parse(ended.stdout);
    };
    const losses = new Set<number>();
    for (const window of [1, 3, STEPS, 7, 60])
      for (const statistics of ["stored", "batch"]) {
        const found = await measure(window, "--stats", statistics);
        // Windows lie side by side, as in training.
        const wanted = reference(state, text, { window, stride: window, statistics });
        expect([found.examples, found.statistics]).toEqual([wanted.examples, statistics]);
        expect(Math.abs(found.loss / wanted.loss - 1), `${window} ${statistics}`).toBeLessThan(tolerance.forward);
        expect(found.metrics.bits).toBeCloseTo(found.loss / Math.LN2, 5);
        losses.add(found.loss);
      }
    expect(losses.size).toBe(10);
    const near = await measure(12, "--stride", "5");
    const wanted = reference(state, text, { window: 12, stride: 5, statistics: "stored" });
    expect(near.examples).toBe(wanted.examples);
    expect(Math.abs(near.loss / wanted.loss - 1)).toBeLessThan(tolerance.forward);
  }));

test("windows that lay a step apart in training lie a step apart", () =>
  withFolder(async (folder) => {
    const [cell, data, run] = ["next.cell", "text.txt", "run"].map((name) => join(folder, name));
    await writeFile(cell, model);
    await writeFile(
      data,
      symbols()
        .map((symbol) => "abcd"[symbol])
        .join(""),
    );
    const cut = ["--window", "5", "--stride", "6", "--random-offset", "--split", "0.1,0.2,0.7"];
    await cellc(["train", cell, "--data", data, ...cut, "--batch", "4", "--steps", "4", "--out", run]);
    const examples = async (...more: readonly string[]): Promise<number> =>
      JSON.parse((await cellc(["eval", run, "--split", "test", ...more, "--json"])).stdout).examples;
    // Of the 420 symbols of the test part.
    expect(await examples()).toBe(70);
    expect(await examples("--window", "9")).toBe(42);
    expect(await examples("--window", "9", "--stride", "6")).toBe(69);
    // The training part, which has 60, is not asked.
    expect(await examples("--window", "99")).toBe(4);
    const exact = await cellc(["eval", run, "--split", "test", "--window", "99", "--stats", "exact"]);
    expect([exact.code, exact.stderr]).toEqual([1, expect.stringContaining("0 training examples, fewer than a batch")]);
    const long = await cellc(["eval", run, "--split", "test", "--window", "500"]);
    expect([long.code, long.stderr]).toEqual([1, expect.stringContaining("text has no part of 501 steps")]);
  }));
