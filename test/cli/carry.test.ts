/** `--carry`: states go on from window to window, of a text, of a table and of a program's own task. */
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { compile } from "../../cli/api/compiler.ts";
import { readCurve } from "../../cli/report/curve-log.ts";
import type { Batch } from "../../runtime/batch.ts";
import { carrying } from "../../runtime/carriers.ts";
import { decodeCheckpoint } from "../../runtime/checkpoint.ts";
import { fit as trainSession } from "../../runtime/fit/fit.ts";
import { Session } from "../../runtime/session.ts";
import { wasmBackend } from "../../runtime/wasm/wasm.ts";
import { withFolder } from "../data/mnist.ts";
import { cellc as cellcProcess } from "./run-cellc.ts";
import { cellc } from "./run-here.ts";

/** A language model with statistics of each step. */
const language = `model language(V = 5, H = 6) {
  param R  : [H, V] = orthogonal
  input w  : index(V) over time
  target y : index(V) over time
  logits = (scan cell_of(V, H) over one_hot(w, V)) @ R
  output logits
  loss cross_entropy(logits, y)
}
cell cell_of(V = 5, H = 6) {
  param W  : [V, H] = orthogonal
  param Wh : [H, H] = orthogonal
  param b  : [H]    = 0
  input x  : [V]
  state h  : [H] = 0
  site hh = h @ Wh
  h' = tanh(x @ W + hh + b)
  output h'
  place hh : batch(gamma = 0.5, beta = none)
}
`;

/** What stands in a window of 4 before this one: a model with nothing but that cannot know it. */
const echo = `model echo(D = 1) {
  param W  : [D, D] = 0
  input x  : [D] over time
  target y : [D] over time
  z = (scan line(D) over x) @ W
  output z
  loss mse(z, y)
}
cell line(D = 1) {
  input x  : [D]
  state a  : [D] = 0
  state b  : [D] = 0
  state c  : [D] = 0
  state d  : [D] = 0
  a' = x
  b' = a
  c' = b
  d' = c
  site late = d
  output late
}
`;

const letters = "abcd ";
const noise = (i: number): number => (Math.imul(i + 1, 0x9e3779b9) >>> 9) % 97;
const text = (length: number): string =>
  Array.from({ length }, (_, i) => letters[(i + (noise(i) < 20 ? 1 : 0)) % 5]).join("");

const [B, N] = [4, 10];
const TEXT = 1000;
const WINDOWS = ["--window", String(N), "--batch", String(B)];

interface Place {
  readonly folder: string;
  readonly cell: string;
  readonly data: string;
  readonly out: string;
}

const inPlace = (work: (place: Place) => Promise<void>, model = language, content = text(TEXT)): Promise<void> =>
  withFolder(async (folder) => {
    const place = {
      folder,
      cell: join(folder, "model.cell"),
      data: join(folder, "data.txt"),
      out: join(folder, "run"),
    };
    await writeFile(place.cell, model);
    await writeFile(place.data, content);
    await work(place);
  });

const train = ({ cell, data, out }: Place, ...more: readonly string[]) =>
  cellc(["train", cell, "--data", data, ...WINDOWS, "--lr", "0.01", "--out", out, ...more, "--json"]);

const checkpointOf = async (out: string) => decodeCheckpoint(await readFile(join(out, "model.safetensors")));

/** What the commands print as JSON, as far as it is read here. */
interface Printed {
  readonly stderr: string;
  readonly loss: number;
  readonly examples: number;
  readonly symbols: readonly string[];
  readonly result: { readonly loss: number };
  readonly proposal?: { readonly commands: readonly (readonly string[])[] };
  readonly conclusion: { readonly command: string };
  readonly best: { readonly step: number; readonly loss: number };
}

async function ended(run: ReturnType<typeof cellc>): Promise<Printed> {
  const { code, stdout, stderr } = await run;
  expect(code, stderr).toBe(0);
  return { ...JSON.parse(stdout), stderr };
}

/** A batch of a text's symbols: `steps` of each of the places. */
function partOf(symbols: readonly number[], begins: readonly number[], from: number, steps: number): Batch {
  const made = (later: number) =>
    Float32Array.from(
      { length: steps * begins.length },
      (_, i) => symbols[begins[i % begins.length] + from + Math.floor(i / begins.length) + later],
    );
  return {
    inputs: { w: made(0), y: made(1) },
    ...{ steps, examples: begins.length },
    ...(from === 0 && { reset: "all" as const }),
  };
}

describe("a text with --carry", () => {
  test("has exactly the losses of `fit` on parts that are made by hand, and is measured as a whole", () =>
    inPlace(async (place) => {
      const record = await ended(train(place, "--carry", "--steps", "45", "--evaluate-every", "20"));
      const best = record.best;
      const state = await checkpointOf(place.out);
      const { inputs } = JSON.parse(state.notes!.preparation) as { inputs: { w: { names: readonly string[] } } };
      const symbols = Array.from(await readFile(place.data, "utf8"), (letter) => inputs.w.names.indexOf(letter));
      // The first 800 symbols are for training: four streams of 199 steps, the last of which has one that no stream needs.
      const begins = [0, 199, 398, 597];
      const parts = Array.from({ length: 20 }, (_, p) => partOf(symbols, begins, p * N, p === 19 ? 9 : N));
      const validation = [partOf(symbols.slice(800), [0], 0, 99)];
      const backend = wasmBackend();
      const options = { carry: true, batch: B, time: N };
      const { executable } = compile(place.cell, options);
      const session = await Session.open(executable, backend, { seed: 1, carrying });
      await session.attach(compile(place.cell, { ...options, batch: 1 }).executable);
      const losses: number[] = [];
      const found = await trainSession(session, parts, {
        ...{ lr: 0.01, carry: true, steps: 45, evaluateEvery: 20 },
        validation: () => validation,
        estimate: () => parts,
        onStep: ({ loss }) => void losses.push(loss),
      });
      const points = await readCurve(join(place.out, "curve.jsonl"));
      expect(points.flatMap((point) => (point.kind === "train" ? [point.loss] : []))).toEqual(losses);
      expect(found.best?.step).toBe(best.step);
      expect(best.loss).toBeCloseTo(found.best!.loss, 6);
      const own = await session.state();
      expect(state.carried).toEqual(own.carried);
      expect(state.tensors.get("R")).toEqual(own.tensors.get("R"));
      backend.close();

      const evaluated = await ended(cellc(["eval", place.out, "--json"]));
      expect(evaluated.loss).toBe(record.result.loss);
    }));

  test("goes on in the middle of an epoch as if nothing had been", () =>
    inPlace(async (place) => {
      const other = { ...place, out: join(place.folder, "other") };
      await ended(train(place, "--carry", "--steps", "31", "--evaluate-every", "7"));
      await ended(train(other, "--carry", "--steps", "7", "--evaluate-every", "7"));
      expect((await checkpointOf(other.out)).carried?.steps.train.step).toBe(7 * N);
      await ended(cellc(["train", "--resume", other.out, "--steps", "31", "--json"]));
      const file = (out: string) => readFile(join(out, "model.safetensors"));
      expect((await file(other.out)).equals(await file(place.out))).toBe(true);
      const losses = async (out: string) =>
        (await readCurve(join(out, "curve.jsonl"))).map(({ step, loss }) => [step, loss]);
      expect(await losses(other.out)).toEqual(await losses(place.out));
      const record = JSON.parse(await readFile(join(place.out, "run.json"), "utf8"));
      expect(record.options.own).toEqual({ window: N, carry: true, carryStatistics: "continue" });
      expect((await train(place, "--resume", "--carry", "--steps", "31")).code).toBe(0);
      const { code, stderr } = await train(place, "--resume", "--steps", "40");
      expect([code, stderr]).toEqual([2, expect.stringContaining("holds a run with carry true, not none")]);
    }));

  test("is gone on with and predicted from one beginning to the end, unless windows were counted anew", () =>
    inPlace(async (place) => {
      await ended(train(place, "--carry", "--steps", "20"));
      const sampled = await ended(cellc(["sample", place.out, "--length", "25", "--json"]));
      expect(sampled.symbols).toHaveLength(25);
      const csv = join(place.folder, "p.csv");
      const test = join(place.folder, "new.txt");
      await writeFile(test, text(57));
      await ended(cellc(["predict", place.out, "--data", test, "--out", csv, "--json"]));
      const rows = (await readFile(csv, "utf8")).trim().split("\n").slice(1);
      // Step by step, a stream gives the same probabilities.
      const backend = wasmBackend();
      const { executable } = compile(place.cell, { batch: 1, time: N, entries: ["infer", "step"] });
      const session = await Session.open(executable, backend, { state: await checkpointOf(place.out) });
      const stream = await session.stream();
      const { names } = JSON.parse(session.notes.preparation).inputs.w as { names: readonly string[] };
      const wanted: number[] = [];
      for (const letter of text(57)) {
        const { logits } = await stream.next({ w: [names.indexOf(letter)], y: null });
        const shares = logits.map((logit) => Math.exp(logit - Math.max(...logits)));
        wanted.push(1 / shares.reduce((sum, share) => sum + share, 0));
      }
      backend.close();
      expect(rows).toHaveLength(57);
      for (const [at, row] of rows.entries()) expect(Number(row.split(",")[3])).toBeCloseTo(wanted[at], 5);

      const anew = { ...place, out: join(place.folder, "anew") };
      await ended(train(anew, "--carry", "--carry-statistics", "window", "--steps", "20"));
      for (const line of [
        ["sample", anew.out],
        ["export", anew.out, "--out", join(place.folder, "exported")],
      ]) {
        const { code, stderr } = await cellc(line);
        expect([code, stderr]).toEqual([1, expect.stringContaining("counted anew in each window")]);
      }
      const record = JSON.parse(await readFile(join(anew.out, "run.json"), "utf8"));
      expect(record.options.own).toEqual({ window: N, carry: true, carryStatistics: "window" });
    }));

  test("is proposed, and a task file says it, too, for all that reads one", () =>
    inPlace(async ({ folder, cell, data, out }) => {
      const proposed = await ended(cellc(["data", data, "--carry", "--json"]));
      expect(proposed.proposal?.commands[0].join(" ")).toMatch(/--window \d+ --carry/);
      const numbers = join(folder, "waves.csv");
      await writeFile(numbers, `t,load\n${Array.from({ length: 500 }, (_, t) => `${t},${Math.sin(t)}`).join("\n")}\n`);
      // A forecast has a target behind each window.
      expect((await ended(cellc(["data", numbers, "--json"]))).proposal).toBeDefined();
      expect((await ended(cellc(["data", numbers, "--carry", "--json"]))).proposal).toBeUndefined();

      const task = join(folder, "text.task.json");
      await writeFile(task, JSON.stringify({ version: 1, data: "data.txt", window: N, carry: true }));
      const line = ["train", cell, "--task", task, "--batch", String(B), "--steps", "20", "--out", out, "--json"];
      const { result } = await ended(cellc(line));
      const checkpoint = join(folder, "model.safetensors");
      await copyFile(join(out, "model.safetensors"), checkpoint);
      const given = ["--checkpoint", checkpoint, "--task", task, "--batch", String(B), "--json"];
      expect((await ended(cellc(["eval", cell, ...given]))).loss).toBe(result.loss);
      const sampled = ["sample", checkpoint, cell, "--task", task, "--length", "5", "--json"];
      expect((await ended(cellc(sampled))).symbols).toHaveLength(5);
      expect((await cellc(["data", task])).stdout).toContain("train 80, validation 10, test 10");
    }));

  test("of many sequences has each of them by itself, and is measured as whole sequences are", () =>
    inPlace(
      async (place) => {
        const found = await ended(train(place, "--carry", "--lines", "--epochs", "2"));
        expect(found.stderr).toContain("sequences in parts of 10 steps: 24 train, 3 validation, 3 test");
        await ended(cellc(["stats", place.out, "--estimate", "--json"]));

        // Without statistics of each step, a whole sequence and its parts have the same equations.
        const plain = { ...place, cell: join(place.folder, "plain.cell"), out: join(place.folder, "plain") };
        await writeFile(plain.cell, language.replace(/^ *place.*$/m, ""));
        await ended(train(plain, "--carry", "--lines", "--epochs", "2"));
        const carried = await ended(cellc(["eval", plain.out, "--json"]));
        const checkpoint = join(place.folder, "plain.safetensors");
        await copyFile(join(plain.out, "model.safetensors"), checkpoint);
        const line = ["eval", plain.cell, "--checkpoint", checkpoint, "--data", plain.data, "--lines"];
        const whole = await ended(cellc([...line, "--batch", "4", "--json"]));
        expect(carried.loss).toBeCloseTo(whole.loss, 5);
        expect([whole.examples, carried.examples > 3]).toEqual([3, true]);
      },
      language,
      `${Array.from({ length: 30 }, (_, i) => text(6 + 3 * i)).join("\n")}\n`,
    ));
});

describe("a table with --carry", () => {
  const signs = (i: number): number => (noise(i) % 2 === 0 ? 1 : -1);
  const table = `x,y\n${Array.from({ length: 600 }, (_, i) => `${signs(i)},${i < 4 ? 0 : signs(i - 4)}`).join("\n")}\n`;
  const options = [
    "--window",
    "4",
    "--batch",
    "2",
    "--target",
    "y",
    "--scale",
    "none",
    "--steps",
    "240",
    "--lr",
    "0.05",
  ];

  test("learns what stands before a window, which nobody else can", () =>
    inPlace(async ({ folder, cell }) => {
      const data = join(folder, "signs.csv");
      await writeFile(data, table);
      const loss = async (...more: readonly string[]): Promise<number> => {
        const out = join(folder, `run${more.length}`);
        const line = ["train", cell, "--data", data, ...options, ...more, "--out", out, "--json"];
        return (await ended(cellc(line))).result.loss;
      };
      expect(await loss("--carry")).toBeLessThan(0.1);
      expect(await loss()).toBeGreaterThan(0.9);
    }, echo));
});

describe("--carry is refused", () => {
  const table = `id,x,y,k\n${Array.from({ length: 90 }, (_, i) => `${Math.floor(i / 9)},${i % 5},${i % 7},${Math.floor(i / 9) % 2}`).join("\n")}\n`;

  test.each<[string, readonly string[], number, string]>([
    ["without a window", ["--carry"], 2, "--carry lets states go on from window to window"],
    [
      "with targets behind a window",
      ["--carry", "--window", "5", "--horizon", "2", "--target", "y"],
      2,
      "one target behind each window",
    ],
    [
      "with windows that overlap",
      ["--carry", "--window", "5", "--stride", "2"],
      2,
      "each begins where the one before ended",
    ],
    [
      "with a target for each window",
      ["--carry", "--window", "5", "--target", "y", "--per", "sequence"],
      2,
      "one target for each window",
    ],
    [
      "with a class for each sequence",
      ["--carry", "--window", "5", "--group", "id", "--label", "k", "--x", "x"],
      1,
      "is of a whole sequence",
    ],
    [
      "with sequences of one part",
      ["--carry", "--window", "9", "--group", "id", "--target", "y", "--batch", "4"],
      1,
      "has more than one part of 9 steps",
    ],
    [
      "with more streams than there are sequences",
      ["--carry", "--window", "2", "--group", "id", "--target", "y", "--batch", "99"],
      1,
      "fewer than a batch of 99",
    ],
    [
      "with several batches in a step",
      ["--carry", "--window", "5", "--target", "y", "--batch", "2", "--accumulate", "2"],
      2,
      "--accumulate makes one step of several batches",
    ],
    [
      "if only its statistics are chosen",
      ["--carry-statistics", "window", "--window", "5", "--target", "y"],
      2,
      "nothing lets them",
    ],
  ])("%s", async (_, options, code, message) =>
    withFolder(async (folder) => {
      const data = join(folder, "t.csv");
      const cell = join(folder, "echo.cell");
      await writeFile(data, table);
      await writeFile(cell, echo);
      const refused = await cellc([
        "train",
        cell,
        "--data",
        data,
        ...options,
        "--out",
        join(folder, "run"),
        "--dims",
        "D=1",
      ]);
      expect([refused.code, refused.stderr]).toEqual([code, expect.stringContaining(message)]);
      expect(refused.stderr).toContain("= help:");
    }),
  );

  test("by a task whose examples do not follow each other, and by commands that take each by itself", async () => {
    const digits = await cellc(["train", "examples/smnist.cell", "--task", "digits", "--carry", "--out", "runs/none"]);
    expect([digits.code, digits.stderr]).toEqual([
      1,
      expect.stringContaining("no example of digits goes on in the next"),
    ]);
    const flow = await cellc(["gradflow", "examples/smnist.cell", "--task", "digits", "--carry"]);
    expect([flow.code, flow.stderr]).toEqual([2, expect.stringContaining("takes each window by itself")]);
  });
});

describe("a program's own task", () => {
  const module = (sequences: string): string => `
const parts = 3;
export const task = {
  name: "signs", summary: "the sign four steps before", steps: 4,
  inputs: { x: { kind: "value", shape: [1], time: true }, y: { kind: "value", shape: [1], time: true } },
  dims: { D: 1 }, splits: { train: 12, validation: 6, test: 0 },
  ${sequences}
  batch(split, indices) {
    const sign = (sequence, t) => (t < 0 ? 0 : (Math.imul(7 * sequence + t + 1, 0x9e3779b9) >>> 13) % 2 === 0 ? 1 : -1);
    const of = (later) => Float32Array.from({ length: 4 * indices.length }, (_, i) => {
      const index = indices[i % indices.length];
      return sign(Math.floor(index / parts), 4 * (index % parts) + Math.floor(i / indices.length) - later);
    });
    return { inputs: { x: of(0), y: of(4) }, steps: 4, examples: indices.length };
  },
};
`;
  const run = (folder: string, ...more: readonly string[]) =>
    cellc([
      ...["train", join(folder, "echo.cell"), "--task", join(folder, "signs.mjs"), "--batch", "2", "--epochs", "60"],
      ...["--lr", "0.05", "--out", join(folder, "run"), ...more, "--json"],
    ]);

  test("says with `sequences` which examples follow each other; placements can be explored on it", () =>
    withFolder(async (folder) => {
      await writeFile(join(folder, "echo.cell"), echo);
      await writeFile(
        join(folder, "signs.mjs"),
        module("sequences: (split) => new Uint32Array(split === 'test' ? 0 : split === 'train' ? 4 : 2).fill(3),"),
      );
      const trained = await ended(run(folder, "--carry"));
      expect(trained.result.loss).toBeLessThan(0.01);
      const evaluated = await ended(cellc(["eval", join(folder, "run"), "--json"]));
      expect(evaluated.loss).toBe(trained.result.loss);
      const { code, stderr } = await run(folder, "--resume", "--epochs", "61");
      expect([code, stderr]).toEqual([2, expect.stringContaining("holds a run with carry true, not none")]);
      const explored = await ended(
        cellcProcess([
          ...["explore", join(folder, "echo.cell"), "--task", join(folder, "signs.mjs"), "--carry", "--batch", "2"],
          ...["--lr", "0.05", "--budget", "60", "--norms", "none", "--out", join(folder, "explored"), "--json"],
        ]),
      );
      expect(explored.conclusion.command).toContain("--carry");
    }));

  test.each([
    ["names none", "", "no example of signs goes on in the next"],
    [
      "counts wrong",
      "sequences: () => Uint32Array.of(4, 4),",
      'task.sequences("train") is no Uint32Array of counts above 0 that add up to 12',
    ],
  ])("that %s is refused", (_, sequences, message) =>
    withFolder(async (folder) => {
      await writeFile(join(folder, "echo.cell"), echo);
      await writeFile(join(folder, "signs.mjs"), module(sequences));
      const { code, stderr } = await run(folder, "--carry");
      expect([code, stderr]).toEqual([1, expect.stringContaining(message)]);
    }),
  );
});
