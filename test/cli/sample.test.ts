/** `cellc sample`: a text that a trained language model goes on with. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededStreams } from "../../cli/data/streams.ts";
import { draw } from "../../cli/inference/draw.ts";
import { softmax } from "../../cli/inference/probabilities.ts";
import { decodeCheckpoint } from "../../runtime/checkpoint.ts";
import { withFolder } from "../data/mnist.ts";
import { cellc } from "./run-here.ts";

const language = (output: string): string => `model language(V = 5, H = 16) {
  param E  : [V, H] = orthogonal
  param U  : [H, V] = orthogonal
  input w  : index(V) over time
  target y : index(V) over time
  hs = scan step(H) over embed(w, E)
  logits = hs @ U
  ${output}
  loss cross_entropy(logits, y)
}
cell step(H = 16) {
  param W  : [H, H] = orthogonal
  param Wh : [H, H] = orthogonal
  input x  : [H]
  state h  : [H] = 0
  h' = tanh(x @ W + h @ Wh)
  output h'
}
`;

async function trained(folder: string, text: string, output = "output logits", ...options: readonly string[]) {
  await writeFile(join(folder, "a.cell"), language(output));
  await writeFile(join(folder, "a.txt"), text);
  const run = join(folder, "run");
  const all = [join(folder, "a.cell"), "--data", join(folder, "a.txt"), "--window", "16", "--batch", "16"];
  const ended = await cellc(["train", ...all, "--steps", "150", "--lr", "2e-2", "--out", run, ...options]);
  expect([ended.code, ended.stderr]).toEqual([0, expect.anything()]);
  return run;
}

const sampled = async (run: string, prompt: string, ...options: readonly string[]) =>
  cellc(["sample", run, "--prompt", prompt, ...options]);

describe("a model of a text that repeats", () => {
  test("says it again, at temperature 0 and near it; and other texts for other seeds, the same for the same", () =>
    withFolder(async (folder) => {
      const run = await trained(folder, "abcdacbd".repeat(60));
      const wanted = `${"abcdacbd".repeat(4)}\n`;
      const ended = await sampled(run, "abcdacb", "--length", "25", "--temperature", "0");
      expect([ended.code, ended.stderr, ended.stdout]).toEqual([0, "", wanted]);
      const near = ["--length", "25", "--temperature", "0.05"];
      expect((await sampled(run, "abcdacb", ...near, "--seed", "3")).stdout).toBe(wanted);
      const hot = ["--length", "25", "--temperature", "9", "--json"];
      const drawn = async (...more: readonly string[]) =>
        JSON.parse((await sampled(run, "abcd", ...hot, ...more)).stdout);
      const [one, again, other] = [await drawn("--seed", "1"), await drawn("--seed", "1"), await drawn("--seed", "2")];
      expect(one).toEqual(again);
      expect(one.text).not.toBe(other.text);
      expect(one).toMatchObject({
        ok: true,
        prompt: "abcd",
        seed: 1,
        temperature: 9,
        text: `abcd${one.symbols.join("")}`,
      });
      expect(one.symbols).toHaveLength(25);
      const strange = await sampled(run, "abx");
      expect([strange.code, strange.stderr]).toEqual([1, expect.stringContaining('symbol 3 of the prompt, "x"')]);
      expect((await sampled(run, "")).code).toBe(2);
    }));

  test("draws the same text from the same seed on each target, which is that of its equations in f64", () =>
    withFolder(async (folder) => {
      const run = await trained(folder, "abcdacbdbadc".repeat(40));
      const how = ["--length", "120", "--temperature", "4", "--seed", "4"];
      const texts: string[] = [];
      for (const target of ["wasm", "wgsl"]) {
        const { code, stdout } = await sampled(run, "abc", ...how, "--target", target);
        expect(code).toBe(0);
        texts.push(stdout);
      }
      const { tensors } = decodeCheckpoint(await readFile(join(run, "best.safetensors")));
      const matrix = (name: string) => tensors.get(name)!;
      /** x @ W */
      const times = (x: readonly number[], name: string): readonly number[] => {
        const { shape, data } = matrix(name);
        return Array.from({ length: shape[1] }, (_, j) =>
          x.reduce((sum, value, i) => sum + value * data[i * shape[1] + j], 0),
        );
      };
      let h: readonly number[] = new Array<number>(16).fill(0);
      const read = (symbol: number): Float32Array => {
        const { data } = matrix("E");
        const x = Array.from(data.subarray(16 * symbol, 16 * symbol + 16));
        const from = [times(x, "step/W"), times(h, "step/Wh")];
        h = from[0].map((value, j) => Math.tanh(value + from[1][j]));
        return Float32Array.from(times(h, "U"));
      };
      const uniform = seededStreams(4)("sample");
      let logits = [0, 1, 2].map(read)[2];
      let text = "abc";
      for (let at = 0; at < 120; at++) {
        const symbol = draw(logits, { temperature: 4 }, uniform(at));
        text += "abcd"[symbol];
        logits = read(symbol);
      }
      expect(texts).toEqual([`${text}\n`, `${text}\n`]);
      expect(new Set(text.match(/.../g)).size).toBeGreaterThan(8);
    }));

  test("of words with line ends joins them, and an output of probabilities is drawn from as it is", () =>
    withFolder(async (folder) => {
      const words = ["--unit", "words", "--line-end", "<eos>"];
      const run = await trained(
        folder,
        "a rose is\n".repeat(70),
        "e = exp(logits - max(logits))\n  p = e / sum(e)\n  output p",
        ...words,
      );
      const ended = await sampled(run, "a rose", "--length", "6", "--temperature", "0");
      expect([ended.stderr, ended.stdout]).toEqual(["", "a rose is\na rose is\n"]);
      const begun = await cellc(["sample", run, "--length", "4", "--temperature", "0"]);
      expect([begun.stderr, begun.stdout]).toEqual(["", "\na rose is\n"]);
      const data = join(folder, "new.txt");
      await writeFile(data, "a rose is\na rose");
      const out = join(folder, "p.csv");
      expect((await cellc(["predict", run, "--data", data, "--window", "3", "--out", out])).code).toBe(0);
      // Each symbol once, by the first window that has the one before it; what comes after the last is not known.
      const rows = (await readFile(out, "utf8"))
        .trimEnd()
        .split("\n")
        .map((line) => line.split(","));
      expect(rows[0]).toEqual(["step", "w", "w_true", "p", "p_true"]);
      expect(rows.slice(1).map(([step, , truth]) => [step, truth])).toEqual(
        ["rose", "is", "<eos>", "a", "rose", "<eos>", '""'].map((truth, i) => [String(i + 2), truth]),
      );
      expect(rows.slice(3, 6).map(([, w]) => w)).toEqual(["<eos>", "a", "rose"]);
      for (const [, w, truth, p, other] of rows.slice(1, -1)) {
        expect(Number(p)).toBeGreaterThanOrEqual(Number(other));
        if (w === truth) expect(p).toBe(other);
      }
      expect(rows.at(-1)?.[4]).toBe("");
    }));

  test("other models are refused", () =>
    withFolder(async (folder) => {
      const run = join(folder, "run");
      const ended = await cellc([
        ...["train", "examples/cells/lstm.cell", "--task", "digits-rows", "--dims", "H=4"],
        ...["--steps", "1", "--batch", "8", "--out", run],
      ]);
      expect(ended.code).toBe(0);
      const refused = await sampled(run, "a");
      expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("is of no language model")]);
    }));
});

describe("a symbol is drawn", () => {
  const logits = fc
    .array(fc.float({ min: -20, max: 20, noNaN: true }), { minLength: 1, maxLength: 12 })
    .map((values) => Float32Array.from(values));

  test("as often as its probability says, among the likeliest", () => {
    fc.assert(
      fc.property(logits, fc.integer({ min: 1, max: 12 }), fc.constantFrom(0.5, 1, 2), (scores, topK, temperature) => {
        const kept = Array.from(scores.keys())
          .sort((a, b) => scores[b] - scores[a] || a - b)
          .slice(0, topK);
        const wanted = softmax(
          Float32Array.from(kept, (place) => scores[place]),
          temperature,
        );
        const counts = new Float64Array(scores.length);
        for (let i = 0; i < 1000; i++) counts[draw(scores, { temperature, topK }, (i + 0.5) / 1000)]++;
        for (const [i, place] of kept.entries())
          expect(Math.abs(counts[place] - 1000 * wanted[i])).toBeLessThanOrEqual(1.01);
        expect(kept.reduce((sum, place) => sum + counts[place], 0)).toBe(1000);
      }),
      { numRuns: 50 },
    );
  });

  test("as the likeliest at temperature 0, and at any among one", () => {
    fc.assert(
      fc.property(logits, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (scores, u) => {
        const best = scores.indexOf(Math.max(...scores));
        expect(draw(scores, { temperature: 0 }, u)).toBe(best);
        expect(draw(scores, { temperature: 3, topK: 1 }, u)).toBe(best);
      }),
    );
  });
});
