/** `--data FILE`: from a table to a trained model, by the command line alone. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { decodeCheckpoint } from "../../runtime/checkpoint.ts";
import { withFolder } from "../data/mnist.ts";
import { forecastText } from "./forecast-text.ts";
import { cellc as cellcProcess } from "./run-cellc.ts";
import { cellc } from "./run-here.ts";

const forecast = forecastText(7, 6);

const waves = (steps: number, factor = 1): string =>
  `date,load,heat\n${Array.from(
    { length: steps },
    (_, t) =>
      `2020-01-${String(1 + Math.floor(t / 24)).padStart(2, "0")} ${t % 24}:00,${factor * Math.sin(t / 4)},${Math.cos(t / 7)}`,
  ).join("\n")}\n`;

interface Place {
  readonly folder: string;
  readonly cell: string;
  readonly table: string;
  readonly out: string;
}

const inPlace = (work: (place: Place) => Promise<void>): Promise<void> =>
  withFolder(async (folder) => {
    const place = {
      folder,
      cell: join(folder, "forecast.cell"),
      table: join(folder, "waves.csv"),
      out: join(folder, "run"),
    };
    await writeFile(place.cell, forecast);
    await writeFile(place.table, waves(300));
    await work(place);
  });

const WINDOWS = ["--window", "12", "--horizon", "3", "--target", "load", "--split", "0.7,0.1,0.2"];

const train = ({ cell, table, out }: Place, ...more: readonly string[]) =>
  cellc([
    "train",
    cell,
    "--data",
    table,
    ...WINDOWS,
    "--batch",
    "8",
    "--evaluate-every",
    "4",
    "--out",
    out,
    ...more,
    "--json",
  ]);

const checkpointOf = async (out: string, name = "model") =>
  decodeCheckpoint(await readFile(join(out, `${name}.safetensors`)));

describe("a table", () => {
  test("is trained on, measured, and trained on further, and nothing is said twice", () =>
    inPlace(async (place) => {
      const ended = await train(place, "--steps", "8", "--lr", "1e-2");
      expect(ended.stderr).toContain("waves: 300 steps; from x of load, heat: 3 steps of load after windows of 12");
      expect(ended.code).toBe(0);
      const measured = await cellc(["eval", place.out, "--json"]);
      expect(JSON.parse(measured.stdout)).toMatchObject({ ok: true, split: "validation", step: 8, examples: 16 });
      const halves = { ...place, out: join(place.folder, "halves") };
      expect((await train(halves, "--steps", "4", "--lr", "1e-2")).code).toBe(0);
      const resumed = await cellc(["train", "--resume", halves.out, "--steps", "8", "--json"]);
      expect([resumed.code, JSON.parse(resumed.stdout).step]).toEqual([0, 8]);
      expect(await checkpointOf(halves.out)).toEqual(await checkpointOf(place.out));
      expect(JSON.parse((await checkpointOf(place.out)).notes!.preparation)).toMatchObject({
        format: 1,
        targets: { y: { fields: ["load"] } },
      });
      expect(JSON.parse((await cellc(["eval", place.out, "--split", "test", "--json"])).stdout)).toMatchObject({
        examples: 46,
      });
      const exported = await cellc(["export", place.out, "--out", join(place.folder, "model")]);
      expect([exported.code, exported.stderr]).toEqual([0, ""]);
      expect((await checkpointOf(join(place.folder, "model"))).notes).toEqual((await checkpointOf(place.out)).notes);
    }));

  test("is trained on further with averages, schedule and patience as if nothing had been, and every checkpoint has the scales", () =>
    inPlace(async (place) => {
      const how = ["--ema", "0.9", "--decay", "step", "--decay-every", "3", "--warmup", "2", "--accumulate", "2"];
      const when = ["--evaluate-every", "2", "--patience", "9", "--min-delta", "0.01", "--best-by", "loss:min"];
      expect((await train(place, ...how, ...when, "--steps", "8")).code).toBe(0);
      const halves = { ...place, out: join(place.folder, "halves") };
      expect((await train(halves, ...how, ...when, "--steps", "4")).code).toBe(0);
      const resumed = await cellc(["train", "--resume", halves.out, "--steps", "8", "--test", "--json"]);
      expect([resumed.code, JSON.parse(resumed.stdout)]).toMatchObject([0, { step: 8, test: {} }]);
      const { notes } = await checkpointOf(place.out);
      expect(notes).toHaveProperty("preparation");
      for (const name of ["model", "best", "averaged"]) {
        const state = await checkpointOf(halves.out, name);
        expect(state).toEqual(await checkpointOf(place.out, name));
        expect(state.notes).toEqual(notes);
      }
    }));

  test("whose windows begin elsewhere in each epoch is trained on further as if nothing had been", () =>
    inPlace(async (place) => {
      const moving = ["--stride", "12", "--random-offset", "--batch", "4", "--evaluate-every", "3"];
      const ended = await train(place, ...moving, "--steps", "15");
      expect(ended.stderr).toContain("each epoch begins its training windows at an offset of its own, below 12 steps");
      const { options } = JSON.parse(await readFile(join(place.out, "run.json"), "utf8"));
      expect(options.own).toMatchObject({ window: 12, stride: 12, randomOffset: true });
      // 16 windows fit at every offset, so an epoch has 4 batches, and the second half begins in the midst of one.
      const halves = { ...place, out: join(place.folder, "halves") };
      expect((await train(halves, ...moving, "--steps", "7")).code).toBe(0);
      const resumed = await cellc(["train", "--resume", halves.out, "--steps", "15", "--json"]);
      expect([resumed.code, JSON.parse(resumed.stdout).step]).toEqual([0, 15]);
      expect(await checkpointOf(halves.out)).toEqual(await checkpointOf(place.out));
      const fixed = { ...place, out: join(place.folder, "fixed") };
      await train(fixed, "--stride", "12", "--batch", "4", "--evaluate-every", "3", "--steps", "15");
      expect((await checkpointOf(fixed.out)).tensors).not.toEqual((await checkpointOf(place.out)).tensors);
      const [own, same] = await Promise.all(
        [place, fixed].map(async ({ out }) => JSON.parse((await cellc(["eval", out, "--json"])).stdout)),
      );
      expect([own.examples, same.examples]).toEqual([2, 2]);
      const predicted = await cellc(["predict", place.out, "--out", join(place.folder, "p.csv"), "--json"]);
      expect([predicted.code, JSON.parse(predicted.stdout).rows]).toEqual([0, 19]);
      const python = ["export", place.out, "--to", "pytorch", "--distributed", "--out", join(place.folder, "torch")];
      const exported = await cellc(python);
      expect([exported.code, exported.stderr]).toEqual([2, expect.stringContaining("(--random-offset)")]);
    }));

  test.each([
    [["--random-offset"], "--random-offset moves windows by less than a stride"],
    [["--random-offset", "--stride", "12", "--carry"], "with --carry"],
  ])("with %j is refused, since no window could begin elsewhere", (more, words) =>
    inPlace(async ({ cell, table, out }) => {
      const own = ["--data", table, "--window", "12", "--target", "load", ...more];
      const ended = await cellc(["train", cell, ...own, "--out", out]);
      expect([ended.code, ended.stderr]).toEqual([2, expect.stringContaining(words)]);
    }),
  );

  test("of other values has the scales of the checkpoint, and is not trained on further", () =>
    inPlace(async (place) => {
      await train(place, "--steps", "4");
      const { loss } = JSON.parse((await cellc(["eval", place.out, "--json"])).stdout);
      await writeFile(place.table, waves(300, 10));
      const measured = JSON.parse((await cellc(["eval", place.out, "--json"])).stdout);
      // Scaled anew, ten times the wave would be the same wave.
      expect(measured.loss).toBeGreaterThan(10 * loss);
      const resumed = await cellc(["train", "--resume", place.out, "--steps", "8"]);
      expect([resumed.code, resumed.stderr]).toEqual([1, expect.stringContaining("C0403")]);
    }));

  test("without a part to measure on is refused before anything is trained", () =>
    inPlace(async (place) => {
      for (const [split, part] of [
        ["0.8,0,0.2", "validation"],
        ["0.8,0.2,0", "test"],
      ]) {
        const ended = await train(place, "--split", split, "--test");
        expect([ended.code, ended.stderr]).toEqual([1, expect.stringContaining(`waves has no examples in ${part}`)]);
        expect(ended.stderr).not.toContain("validation loss");
      }
    }));

  test("cut into other examples is not trained on further", () =>
    inPlace(async (place) => {
      await train(place, "--steps", "4");
      const other = await cellc(["train", "--resume", place.out, "--steps", "8", "--stride", "2"]);
      expect([other.code, other.stderr]).toEqual([2, expect.stringContaining("a run with stride none, not 2")]);
    }));

  test("with a fault ends with 1 and its line, and leaves nothing", () =>
    inPlace(async (place) => {
      await writeFile(place.table, waves(300).replace(/^(2020-01-02 3:00),[^,]*/m, "$1,n. a."));
      const ended = await train(place);
      expect([ended.code, JSON.parse(ended.stdout).error.code]).toEqual([1, "C0402"]);
      expect(ended.stderr).toContain('waves.csv:29: column 2, load, is "n. a.", no number as above it');
      expect((await readdir(place.out).catch(() => [])).filter((name) => !name.startsWith("."))).toEqual([]);
    }));

  test.each([
    [["--target", "laod"], "has no column laod", 1],
    [["--window", "0"], "want a whole number above 0", 2],
    [["--split", "0.7,0.7"], "want two or three shares that add up to 1", 2],
    [["--scale", "log"], "want standard, minmax, none", 2],
    [["--time", "3"], "--time is for generated tasks", 2],
    [["--task", "digits"], "chooses its own examples", 2],
    [["--label", "load"], "y is to be both numbers and classes", 2],
    [["--dims", "N=5"], "the model wants [5]", 1],
  ])("with %j is refused", (more, words, code) =>
    inPlace(async (place) => {
      const ended = await train(place, ...more);
      expect([ended.code, ended.stderr]).toEqual([code, expect.stringContaining(words)]);
    }),
  );

  test("of sequences of different lengths is classified", () =>
    inPlace(async ({ folder, out }) => {
      const table = join(folder, "seq.csv");
      const rows = Array.from({ length: 60 }, (_, g) =>
        Array.from({ length: 3 + (g % 8) }, (_, t) => `${g},${g % 2 === 0 ? t : -t},${g % 2 === 0 ? "up" : "down"}`),
      );
      await writeFile(table, `id,v,kind\n${rows.flat().join("\n")}\n`);
      const own = ["--data", table, "--group", "id", "--label", "kind"];
      const args = [
        "train",
        "examples/cells/bnlstm.cell",
        ...own,
        "--dims",
        "H=4",
        "--batch",
        "8",
        "--steps",
        "30",
        "--lr",
        "3e-2",
        "--out",
        out,
        "--json",
      ];
      const ended = await cellc(args);
      expect([ended.code, ended.stderr]).toEqual([0, expect.stringContaining("classes of y: down")]);
      const measured = JSON.parse((await cellc(["eval", out, "--json"])).stdout);
      expect(measured).toMatchObject({ ok: true, examples: 6, metrics: { accuracy: 1 } });
      const stats = await cellc(["stats", out, "--json"]);
      expect([stats.code, JSON.parse(stats.stdout).ok]).toEqual([0, true]);
      const flow = await cellc([
        "gradflow",
        "examples/cells/bnlstm.cell",
        ...own,
        "--batch",
        "8",
        "--out",
        join(folder, "flow"),
      ]);
      expect(flow.code).toBe(0);
    }));
});

describe("in a process of its own, with packages bundled,", () => {
  test("placements are explored on sequences of different lengths, in threads, by the validation part", () =>
    inPlace(async ({ folder }) => {
      const table = join(folder, "seq.csv");
      const rows = Array.from({ length: 80 }, (_, g) =>
        Array.from({ length: 2 + (g % 5) }, (_, t) => `"${g}",${Math.sin(g * t)},${g % 2 === 0 ? "up" : "down"}`),
      );
      await writeFile(table, `id,v,kind\n${rows.flat().join("\n")}\n`);
      const own = ["--data", table, "--group", "id", "--label", "kind", "--split", "0.6,0.2,0.2"];
      const sizes = ["--dims", "H=4", "--batch", "8", "--budget", "6", "--workers", "2"];
      const out = join(folder, "explored");
      const ended = await cellcProcess([
        ...["explore", "examples/cells/lstm.cell", ...own, ...sizes],
        ...["--sites", "hh", "--norms", "none,layer", "--out", out, "--json"],
      ]);
      expect([ended.code, ended.stderr.match(/classes of y/g)?.length]).toEqual([0, 1]);
      expect(JSON.parse(ended.stdout)).toMatchObject({ ok: true, status: "finished", done: 2 });
    }));

  test("a table comes from standard input", () =>
    inPlace(async ({ cell, out }) => {
      const args = ["train", cell, "--data", "-", ...WINDOWS, "--batch", "8", "--steps", "2", "--out", out, "--json"];
      const ended = await cellcProcess(args, { input: waves(200) });
      expect([ended.code, JSON.parse(ended.stdout).task]).toEqual([0, "stdin"]);
      const explored = await cellcProcess(["explore", cell, "--data", "-", ...WINDOWS, "--out", `${out}2`], {
        input: waves(200),
      });
      expect([explored.code, explored.stderr]).toEqual([
        2,
        expect.stringContaining("several threads cannot read standard input"),
      ]);
    }));
});

describe("a task file", () => {
  const file = { version: 1, data: "waves.csv", window: 12, horizon: 3, target: ["load"], split: [0.7, 0.1, 0.2] };

  test("says what the command line does, which goes before it", () =>
    inPlace(async (place) => {
      const task = join(place.folder, "waves.task.json");
      await writeFile(task, JSON.stringify(file));
      const args = [
        "train",
        place.cell,
        "--task",
        task,
        "--batch",
        "8",
        "--steps",
        "4",
        "--evaluate-every",
        "4",
        "--json",
      ];
      expect((await cellc([...args, "--out", place.out])).code).toBe(0);
      const said = { ...place, out: join(place.folder, "said") };
      await train(said, "--steps", "4");
      expect(await checkpointOf(place.out)).toEqual(await checkpointOf(said.out));
      const strides = await cellc([...args, "--out", join(place.folder, "strides"), "--stride", "5"]);
      expect(strides.stderr).toContain("examples: 40 train");
      // The run knows all of it, even if the task file is gone.
      await writeFile(task, "{}");
      expect((await cellc(["eval", place.out])).code).toBe(0);
    }));

  test.each([
    ['{"version": 1,\n"data": "a.csv",\n"windows": 3}', "waves.task.json:3: not a task file: `windows`"],
    ['{"version": 1,\n"data": "a.csv",\n"window": "3"}', "waves.task.json:3: not a task file: `window`"],
    ['{"version": 2}', "waves.task.json:1: not a task file: `version`"],
    ["{", "it is not JSON"],
  ])("such as %j is refused with its line", (text, words) =>
    inPlace(async ({ folder, cell, out }) => {
      const task = join(folder, "waves.task.json");
      await writeFile(task, text);
      const ended = await cellc(["train", cell, "--task", task, "--out", out]);
      expect([ended.code, ended.stderr]).toEqual([1, expect.stringContaining(words)]);
    }),
  );
});

describe("a module", () => {
  const sound = `export const task = ({ steps = 4 }) => ({
    name: "sums", summary: "the sum of numbers", steps, dims: { D: 1, K: 1 },
    inputs: { x: { kind: "value", shape: [1], time: true }, y: { kind: "value", shape: [1], time: false } },
    splits: { train: 64, validation: 8, test: 16 },
    batch(split, indices) {
      const x = Float32Array.from({ length: steps * indices.length }, (_, i) => Math.sin(i + indices[0]));
      const y = Float32Array.from(indices, (_, e) => { let sum = 0; for (let t = 0; t < steps; t++) sum += x[t * indices.length + e]; return sum; });
      return { inputs: { x, y }, steps, examples: indices.length };
    },
  });`;

  const trained = ({ folder, out }: Place, text: string, name: string) => {
    const path = join(folder, name);
    const args = [
      "train",
      "examples/cells/lstm.cell",
      "--task",
      path,
      "--dims",
      "H=4",
      "--batch",
      "8",
      "--steps",
      "4",
      "--out",
      out,
    ];
    return writeFile(path, text).then(() => cellc(args));
  };

  test("makes a task, and its run is measured and exported without a word more", () =>
    inPlace(async (place) => {
      const ended = await trained(place, sound, "sums.mjs");
      expect([ended.code, ended.stderr]).toEqual([0, expect.stringContaining("validation loss")]);
      expect((await cellc(["eval", place.out])).code).toBe(0);
      expect((await cellc(["export", place.out, "--out", join(place.folder, "model")])).code).toBe(0);
    }));

  test.each([
    ["no.mjs", "export const data = 1;", "exports no task"],
    ["form.mjs", sound.replace('kind: "value"', 'kind: "values"'), 'task.inputs.x.kind is "values"'],
    ["batch.mjs", sound.replace("inputs: { x, y }", "inputs: { x }"), "y of a batch is no Float32Array of 8 numbers"],
    ["steps.mjs", sound.replace("steps, examples:", "steps: 9, examples:"), "a batch has 9 steps, and task.steps is 4"],
    ["whole.mjs", sound.replace("validation: 8", "validation: 0"), "sums has no examples in validation"],
    ["epoch.mjs", sound.replace("batch(", "inEpoch() {},\nbatch("), "task.inEpoch returns nothing that has a function"],
    [
      "later.mjs",
      sound.replace("batch(", "inEpoch: () => ({ batch: () => ({ examples: 7 }) }),\nbatch("),
      "a batch of 8 examples says it has 7",
    ],
    ["syntax.mjs", "export const task = {", "cannot load"],
  ])("such as %s is refused", (name, text, words) =>
    inPlace(async (place) => {
      const ended = await trained(place, text, name);
      expect([ended.code, ended.stderr]).toEqual([1, expect.stringContaining(words)]);
    }),
  );
});
