/** Folders of runs and explorations whose files are damaged: refused with a place, an exit code of the user's, and nothing lost. */
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ExploreFolder } from "../../cli/explore/folder.ts";
import { exit, Failure } from "../../cli/failure.ts";
import { curveLines, readCurve } from "../../cli/report/curve-log.ts";
import { trainedModel } from "../../cli/statistics/trained-model.ts";
import { loadCheckpoint } from "../../cli/training/checkpoint.ts";
import { RunFolder, type RunRecord, runPaths } from "../../cli/training/run-folder.ts";
import { RuntimeError } from "../../runtime/error.ts";
import { writeCheckpoint } from "../../runtime/node/checkpoint-file.ts";
import { withFolder } from "../data/mnist.ts";
import { mutateRunFolder, RUN_FILES } from "../fuzz/mutate-folder.ts";
import { Random } from "../fuzz/random.ts";
import { cellc } from "./run-here.ts";

const MODEL = "examples/smnist.cell";
const SMALL = ["--task", "digits-rows", "--dims", "H=4", "--batch", "64", "--estimate", "64"];
const resume = (out: string) => ["train", MODEL, ...SMALL, "--out", out, "--steps", "1", "--resume"];

const record: RunRecord = {
  format: 1,
  status: "interrupted",
  model: "smnist",
  task: "digits-rows",
  batch: 64,
  seed: 1,
  options: { file: MODEL, dims: { H: 4 }, cell: {}, batch: 64, task: "digits-rows", optimizer: "adam", lr: 0.001 },
  machine: { node: "v20", cores: 2 },
  started: "2026-01-01T00:00:00.000Z",
  step: 2,
  result: { loss: 2.3, accuracy: 0.1 },
};

const points = [
  { kind: "train", step: 1, epoch: 1, loss: 2.4, gradientNorm: 0.5, seconds: 0.1 },
  { kind: "train", step: 2, epoch: 1, loss: 2.3, seconds: 0.2 },
  { kind: "evaluation", step: 2, epoch: 1, loss: 2.3, metrics: { accuracy: 0.1 }, seconds: 0.3 },
] as const;

/** A run's folder that is sound, but for a checkpoint of a model that there is not. */
async function writeRun(folder: string): Promise<void> {
  await new RunFolder(folder).write(record);
  await writeFile(runPaths(folder).curve, curveLines(points));
  await writeCheckpoint(runPaths(folder).model, {
    ...{ name: "smnist", fingerprint: "f", measures: { loss: "l" }, equations: { "state h": "e" }, optimizer: "adam" },
    ...{ dims: { H: 4, batch: 64 }, counters: { seed: 1, step: 2, run: 2, seen: [1, 1] } },
    tensors: new Map([["V", { shape: [4, 10], data: new Float32Array(40) }]]),
  });
}

/** Every file of a folder, by name. */
async function contents(folder: string): Promise<Readonly<Record<string, string>>> {
  const names = (await readdir(folder)).sort();
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await bytesOf(join(folder, name))])));
}

const bytesOf = (path: string): Promise<string> => readFile(path, "latin1").catch(({ code }) => String(code));

/** What replaces a part of a sound file, and the place that the message names. */
const damages: readonly (readonly [file: string, from: string | RegExp, to: string, place: string])[] = [
  ["run.json", /^.*$/s, "", "run.json:1: not the record of a run: it is empty"],
  ["run.json", /^.*$/s, "\0\0\0\0", "run.json:1: not the record of a run: it is not JSON"],
  ["run.json", /"task".*$/s, "", "run.json:5: not the record of a run: it is not JSON"],
  ["run.json", "{", "[", "run.json:2: "],
  ["run.json", '"batch": 64', '"batch": @', "run.json:6: not the record of a run: it is not JSON"],
  ["run.json", '"seed": 1,', '"seed": 1', "run.json:8: not the record of a run: it is not JSON"],
  ["run.json", '"format"', "format", "run.json:2: not the record of a run: it is not JSON"],
  ["run.json", /^.*$/s, "null", "the document is null, want an object"],
  ["run.json", /^.*$/s, "[]", "the document is a list, want an object"],
  ["run.json", '"format": 1', '"format": 2', "run.json:2: not the record of a run: `format` is 2, want 1"],
  ["run.json", /"status": ".*"/, '"status": "done"', 'run.json:3: not the record of a run: `status` is "done"'],
  ["run.json", '"model": "smnist"', '"model": 3', "run.json:4: not the record of a run: `model` is 3, want text"],
  ["run.json", /^ *"task".*\n/m, "", "`task` is missing: want text"],
  ["run.json", '"batch": 64', '"batch": "64"', '`batch` is "64", want a whole number from 1 on'],
  ["run.json", '"batch": 64', '"batch": 0', "`batch` is 0"],
  ["run.json", '"seed": 1', '"seed": 1.5', "run.json:7: not the record of a run: `seed` is 1.5"],
  ["run.json", '"seed": 1', '"seed": 1e400', "`seed` is null"],
  ["run.json", '"step": 2', '"step": -2', "`step` is -2"],
  ["run.json", '"step": 2', '"step": null', "`step` is null"],
  ["run.json", '"step": 2', '"steps": 2', "`steps` is 2, want nothing: this version does not know it"],
  ["run.json", /"options": \{.*?\n {2}\}/s, '"options": []', "`options` is a list, want an object"],
  ["run.json", '"H": 4', '"H": "4"', 'run.json:11: not the record of a run: `options.dims.H` is "4"'],
  ["run.json", /"dims": \{[^}]*\}/, '"dims": [4]', "`options.dims` is a list"],
  ["run.json", '"cell": {}', '"cell": {"rnn": 3}', "`options.cell.rnn` is 3"],
  ["run.json", /"file": ".*"/, '"file": 7', "`options.file` is 7"],
  ["run.json", /"file": ".*"/, '"file": "a\\u0000b"', "a path, in which no NUL can stand"],
  ["run.json", /"machine": \{[^}]*\}/, '"machine": null', "`machine` is null"],
  ["run.json", /"started": ".*"/, '"started": 2026', "`started` is 2026"],
  ["run.json", '"loss": 2.3', '"loss": "low"', '`result.loss` is "low"'],
  ["curve.jsonl", /^.*$/s, "{}\n", "curve.jsonl:1: not a point of a learning curve: `kind` is missing"],
  ["curve.jsonl", /^.*$/s, "\n", "curve.jsonl:1: not a point of a learning curve: it is empty"],
  ["curve.jsonl", /^.*$/s, "3\n", "curve.jsonl:1: not a point of a learning curve: the document is 3"],
  ["curve.jsonl", '"step":1', '"step":', "curve.jsonl:1: not a point of a learning curve: it is not JSON"],
  ["curve.jsonl", '"step":1', '"step":7', "curve.jsonl:2: step 2 stands behind step 7"],
  ["curve.jsonl", '"step":1', '"step":"1"', "curve.jsonl:1: not a point of a learning curve: `step`"],
  ["curve.jsonl", '"loss":2.4', '"loss":null', "curve.jsonl:1: not a point of a learning curve: `loss` is null"],
  ["curve.jsonl", ',"seconds":0.2', "", "curve.jsonl:2: not a point of a learning curve: `seconds` is missing"],
  ["curve.jsonl", '{"accuracy":0.1}', "[]", "curve.jsonl:3: not a point of a learning curve: `metrics` is a list"],
  ["curve.jsonl", '"evaluation"', '"test"', "curve.jsonl:3: not a point of a learning curve: `kind`"],
  ["curve.jsonl", "}\n{", "}{", "curve.jsonl:1: not a point of a learning curve: it is not JSON"],
];

describe("a run's folder", () => {
  test("with any of many kinds of damage is refused with file, line and reason, and left as it is", () =>
    withFolder(async (folder) => {
      for (const [file, from, to, place] of damages) {
        await rm(folder, { recursive: true });
        await writeRun(folder);
        const path = join(folder, file);
        const sound = await readFile(path, "utf8");
        await writeFile(
          path,
          sound.replace(from, () => to),
        );
        const before = await contents(folder);
        expect(before[file], place).not.toBe(sound);
        const { code, stdout, stderr } = await cellc(resume(folder));
        expect(stderr).toContain("error[C0402]: ");
        expect(stderr).toContain(place);
        expect(stderr).toContain(path);
        expect(stderr).toContain("= help: nothing was changed");
        expect([code, stdout], place).toEqual([exit.input, ""]);
        expect(await contents(folder), place).toEqual(before);
      }
    }));

  test("that lost its record, or its checkpoint after an evaluation, is not started afresh", () =>
    withFolder(async (folder) => {
      await writeRun(folder);
      await rm(join(folder, "run.json"));
      const before = await contents(folder);
      const anew = await cellc(["train", MODEL, ...SMALL, "--out", folder, "--steps", "1"]);
      expect(anew.stderr).toContain("model.safetensors is of a run whose run.json is gone");
      expect(anew.code).toBe(exit.usage);
      expect(await contents(folder)).toEqual(before);
      await writeRun(folder);
      await rm(join(folder, "model.safetensors"));
      const resumed = await cellc(resume(folder));
      expect(resumed.stderr).toContain("model.safetensors is gone, and the run in");
      expect([resumed.code, await readdir(folder)]).toEqual([exit.input, ["curve.jsonl", "run.json"]]);
    }));

  test("whose curve ends in half a line goes on without it, and says so", () =>
    withFolder(async (folder) => {
      await writeRun(folder);
      const path = runPaths(folder).curve;
      await writeFile(path, `${curveLines(points)}{"kind":"train","step":3,"ep`);
      expect(await readCurve(path)).toEqual(points);
      // Of a run that was stopped before any checkpoint, so that no model need fit.
      await rm(join(folder, "model.safetensors"));
      const { result: _, ...without } = record;
      await new RunFolder(folder).write(without);
      const { code, stderr } = await cellc(resume(folder));
      expect([code, stderr.match(/.*cut short.*/)?.[0]]).toEqual([
        0,
        `${path}: the last line was cut short, and is left out`,
      ]);
      expect((await readCurve(path)).map(({ step }) => step)).toEqual([1, 1]);
    }));

  test("that is damaged in any way is read, or refused as a user's mistake", () =>
    withFolder(async (folder) => {
      const sound = join(folder, "sound");
      await writeRun(sound);
      let refused = 0;
      await fc.assert(
        fc.asyncProperty(fc.nat(), async (seed) => {
          const run = join(folder, "run");
          await rm(run, { recursive: true, force: true });
          await cp(sound, run, { recursive: true });
          const what = await mutateRunFolder(run, new Random(seed));
          for (const read of [
            () => new RunFolder(run).read(),
            () => readCurve(runPaths(run).curve),
            () => loadCheckpoint(runPaths(run).model),
            () =>
              trainedModel({ warn: () => {} }, run, undefined, { dims: {}, cell: {}, batch: 64 } as const, new Set()),
          ]) {
            const error = await read().then(
              () => undefined,
              (thrown: unknown) => thrown,
            );
            if (error === undefined) continue;
            refused++;
            const known = error instanceof RuntimeError || (error instanceof Failure && error.exitCode < exit.machine);
            expect(known, `${what}: ${String(error)}`).toBe(true);
          }
        }),
        { numRuns: 150 },
      );
      expect(refused).toBeGreaterThan(40);
      expect(RUN_FILES.length).toBe(3);
    }));
});

describe("an exploration's folder", () => {
  const row = { number: 1, placement: { hh: "layer" }, placed: { hh: "layer" }, seed: 1 };
  const done = {
    ...{ format: 2, ...row, steps: 2, outcome: { status: "finished" }, warnings: [], result: { loss: 1, metrics: {} } },
    ...{ seconds: 1, points, cost: { milliseconds: 2, dispatches: 3, bytes: 4, parameters: 5 } },
  };
  const explored = {
    format: 2,
    status: "interrupted",
    identity: {},
    length: { steps: 2, evaluateEvery: 2, rungs: [2] },
    ...{ rows: 1, done: 1, machine: {}, started: "2026" },
  } as const;

  test("of an earlier version is refused, with what to do", () =>
    withFolder(async (folder) => {
      await writeFile(join(folder, "explore.json"), JSON.stringify({ ...explored, format: 1 }));
      await expect(new ExploreFolder(folder).begin(true)).rejects.toMatchObject({
        ...{ code: "C0402", exitCode: 1 },
        message: expect.stringContaining("an earlier version of cellc explored here, and this one cannot go on"),
      });
    }));

  test.each([
    ["is sound", {}, undefined],
    ["is of another placement", { placement: { hh: "batch" } }, "row 1, hh=batch with seed 1, is no row of this"],
    ["has another number than its file", { number: 2 }, "row 2, hh=layer with seed 1, is no row of this exploration"],
    [
      "ended in no known way",
      { outcome: { status: "lost" } },
      "0001.json:1: not a row of an exploration: `outcome.status`",
    ],
    ["is of an earlier version", { format: 1 }, "an earlier version of cellc explored here"],
    [
      "was placed with other arguments",
      { placed: { hh: "layer(beta = none)" } },
      "row 1, hh=layer with seed 1, is no row",
    ],
    ["has a point that is none", { points: [{}] }, "`points[0].kind` is missing"],
    ["costs text", { cost: { ...done.cost, bytes: "4" } }, "`cost.bytes` is"],
    ["has no list of warnings", { warnings: "none" }, "`warnings` is"],
  ])("whose row %s", (_, change, message) =>
    withFolder(async (folder) => {
      await mkdir(join(folder, "rows"));
      await writeFile(join(folder, "rows/0001.json"), JSON.stringify({ ...done, ...change }));
      const read = new ExploreFolder(folder).readRows(explored, [row]);
      if (message === undefined) expect(await read).toEqual([done]);
      else
        await expect(read).rejects.toMatchObject({
          code: "C0402",
          exitCode: 1,
          message: expect.stringContaining(message),
        });
    }),
  );
});

test.each([
  ["a file", ["check", "a\0b.cell"]],
  ["a folder to write to", ["train", MODEL, ...SMALL, "--out", "a\0b"]],
  ["a folder for kernels", ["compile", "examples/cells/lstm.cell", "-o", "a\0b"]],
  ["a checkpoint", ["eval", MODEL, ...SMALL.slice(0, 2), "--checkpoint", "a\0b"]],
  ["a folder of data", ["data", "mnist-rows", "--data", "a\0b"]],
  ["a run", ["stats", "a\0b"]],
  ["a run's cell", ["stats", "runs/x", "a\0b"]],
  ["a picture of statistics", ["stats", "runs/x", "--plot", "a\0b"]],
  ["a new checkpoint", ["stats", "runs/x", "--estimate", "--output", "a\0b"]],
  ["a picture of examples", ["data", "digits", "--svg", "a\0b"]],
  ["results of an exploration", ["explore", MODEL, "--task", "digits", "--out", "a\0b"]],
  ["results of gradflow", ["gradflow", MODEL, "--task", "digits", "--out", "a\0b"]],
  ["results of the demo", ["demo", "--out", "a\0b"]],
  ["a text to format", ["fmt", "a\0b.cell"]],
  ["nothing", ["train", MODEL, ...SMALL, "--out", ""]],
])("a path of %s that no file can have is refused", async (_, args) => {
  const { code, stdout, stderr } = await cellc(args);
  expect(stderr).toMatch(/error\[C0301\]: .*(a NUL stands in it|want a path)/);
  expect([code, stdout]).toEqual([exit.usage, ""]);
});

test("a NUL in the environment's paths or a cell's import is refused", () =>
  withFolder(async (folder) => {
    for (const name of ["CELLC_DATA", "XDG_CACHE_HOME"]) {
      const environment = { [name]: "a\0b" };
      const { code, stderr } = await cellc(["data", "mnist-rows", "--offline"], { environment });
      expect([code, stderr.match(/error\[C\d+\]/)?.[0]]).toEqual([exit.input, "error[C0401]"]);
    }
    const dumped = await cellc(["compile", "examples/cells/lstm.cell", "--out", join(folder, "k")], {
      environment: { CELLC_DUMP: "a\0b" },
    });
    expect([dumped.code, dumped.stderr.match(/error\[C\d+\]/)?.[0]]).toEqual([exit.input, "error[C0409]"]);
    const file = join(folder, "m.cell");
    await writeFile(file, 'import { lstm } from "./a\0b.cell"\n');
    expect((await cellc(["check", file])).code).toBe(exit.input);
  }));
