import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { taskStreams } from "../../cli/data/streams.ts";
import { digitsTask } from "../../cli/data/tasks/digits.ts";
import { passOver } from "../../cli/statistics/passes.ts";
import { targets } from "../../cli/targets.ts";
import { loadCheckpoint, saveCheckpoint } from "../../cli/training/checkpoint.ts";
import type { Session } from "../../runtime/index.ts";
import { openExecutable, openSession } from "../../runtime/node/index.ts";
import { writeSyntheticMnist } from "../data/mnist.ts";
import { cellc } from "./run-here.ts";

let root = "";
/** A run of a model, and of a cell that stands alone, each trained once. */
let run = "";
let alone = "";

const how = ["--task", "digits-rows", "--dims", "H=5", "--batch", "40", "--steps", "6", "--lr", "0.02", "--place"];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cellc-export-"));
  [run, alone] = [join(root, "run"), join(root, "alone")];
  const model = ["examples/smnist.cell", "--cell", "rnn=bnlstm", ...how, "rnn.cc=batch"];
  // What training is told of storage and schedules is no matter of inference.
  const training = ["--schedule", "column", "--parts", "2", "--optimizer", "adamw", "--weight-decay", "0.02"];
  expect(await cellc(["train", ...model, ...training, "--out", run])).toMatchObject({ code: 0 });
  expect(await cellc(["train", "examples/cells/lstm.cell", ...how, "hh=batch", "--out", alone])).toMatchObject({
    code: 0,
  });
});

afterAll(() => rm(root, { recursive: true, force: true }));

const exported = (...args: readonly string[]) => cellc(["export", ...args]);

/** Loss and accuracy on the test set, in batches of 40. */
const evaluate = (session: Session) =>
  session.evaluate(passOver(digitsTask("rows", taskStreams), "validation", 40, 2000).batches());

describe("cellc export", () => {
  test("writes what `openSession` measures as `cellc eval` measures the run, on each target", async () => {
    const out = join(root, "both");
    const { code, stdout } = await exported(run, "--out", out, "--target", "wgsl,wasm", "--batch", "40", "--json");
    expect(code).toBe(0);
    const document = JSON.parse(stdout);
    expect(document).toMatchObject({ ok: true, folder: out, model: "smnist", step: 6, targets: ["wgsl", "wasm"] });
    expect([...document.files].sort()).toEqual(
      (await readdir(out, { recursive: true, withFileTypes: true }))
        .filter((file) => file.isFile())
        .map((file) => join(file.parentPath, file.name).slice(out.length + 1))
        .sort(),
    );
    const checkpoint = ["--checkpoint", join(run, "model.safetensors"), "--json"];
    const model = ["examples/smnist.cell", "--cell", "rnn=bnlstm", ...how.slice(0, 6)];
    const evaluated = await cellc(["eval", ...model, "--place", "rnn.cc=batch", ...checkpoint]);
    const { loss, metrics } = JSON.parse(evaluated.stdout);
    for (const backend of ["wgsl", "wasm"] as const) {
      const session = await openSession(out, { backend });
      const found = await evaluate(session);
      expect(found.examples).toBe(2000);
      expect(Math.abs(found.loss - loss)).toBeLessThan(targets[backend].tolerance.forward * loss);
      expect(found.metrics.accuracy).toBeCloseTo(metrics.accuracy, 2);
      session.close();
    }
  });

  test("writes parameters and statistics as they are, and neither slots nor code of training", async () => {
    const out = join(root, "slim");
    const { code, stdout } = await exported(run, "--out", out);
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/smnist after 6 steps, for wasm: 6 files, \S+ KiB of weights\n$/),
    ]);
    const before = await loadCheckpoint(join(run, "model.safetensors"));
    const after = await loadCheckpoint(join(out, "model.safetensors"));
    const wanted = [...before.tensors].filter(([name]) => !name.startsWith("slot/"));
    expect(wanted.length).toBeLessThan(before.tensors.size);
    expect([...after.tensors]).toEqual(wanted);
    expect(after.counters).toEqual(before.counters);
    const { executable, backend, weights } = await openExecutable(out);
    expect(executable.plan.slots).toEqual([]);
    expect(Object.keys(executable.plan.entries).sort()).toEqual(["infer", "start", "step"]);
    expect(executable.plan.dims.batch).toBe(1);
    expect(weights?.tensors.size).toBe(wanted.length);
    backend.close();
  });

  test("writes no checkpoint for training to go on from, and says so", async () => {
    const out = join(root, "onward");
    await cp(run, out, { recursive: true });
    expect(await exported(run, "--out", join(root, "weights"))).toMatchObject({ code: 0 });
    await cp(join(root, "weights/model.safetensors"), join(out, "model.safetensors"));
    const model = ["examples/smnist.cell", "--cell", "rnn=bnlstm", ...how, "rnn.cc=batch"];
    const optimizer = ["--optimizer", "adamw", "--weight-decay", "0.02"];
    const { code, stderr } = await cellc(["train", ...model, ...optimizer, "--steps", "8", "--resume", "--out", out]);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(
        /C0403.*does not fit smnist: it has nothing of the optimiser's state, as what cellc export/,
      ),
    ]);
  });

  test("takes a cell that was trained with a readout, and it streams", async () => {
    const out = join(root, "stream");
    expect(await exported(alone, "--out", out)).toMatchObject({ code: 0 });
    const session = await openSession(out);
    expect(session.plan.name).toBe("lstm_on_digits_rows");
    const stream = await session.stream();
    const { prediction } = await stream.next({ x: new Float32Array(6) });
    expect([prediction.length, prediction.every(Number.isFinite)]).toEqual([10, true]);
    session.close();
  });

  test("compiles without a stream what has none, and says why", async () => {
    const cell = join(root, "ends.cell");
    await writeFile(
      cell,
      `model ends(D = 6, H = 3) {
  param V : [H, 10] = orthogonal
  input x : [D] over time
  target y : index(10)
  hs = scan back(D, H) over x reverse
  logits = last(hs) @ V
  output logits
  loss cross_entropy(logits, y)
}
cell back(D = 6, H = 3) {
  param W : [D, H] = orthogonal
  input x : [D]
  state h : [H] = 0
  h' = tanh(h + x @ W)
  output h'
}`,
    );
    const out = join(root, "ends");
    const trained = await cellc(["train", cell, "--task", "digits-rows", "--steps", "2", "--out", join(root, "back")]);
    expect([trained.code, trained.stderr]).toEqual([0, expect.anything()]);
    const { code, stderr } = await exported(join(root, "back"), "--out", out);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^without a stream: /m)]);
    const { executable, backend } = await openExecutable(out);
    expect(Object.keys(executable.plan.entries)).toEqual(["infer"]);
    backend.close();
    expect(await exported(join(root, "back"), "--out", out, "--entries", "step")).toMatchObject({ code: 1 });
  });

  test("needs none of the task's data", async () => {
    const data = join(root, "mnist");
    await writeSyntheticMnist(data);
    const trained = join(root, "rows");
    const model = [
      "examples/cells/lstm.cell",
      "--task",
      "mnist-rows",
      "--dims",
      "H=3",
      "--batch",
      "20",
      "--steps",
      "2",
    ];
    expect(await cellc(["train", ...model, "--data", data, "--out", trained])).toMatchObject({ code: 0 });
    await rm(data, { recursive: true });
    expect(await exported(trained, "--out", join(root, "mnist-model"))).toMatchObject({ code: 0 });
    const session = await openSession(join(root, "mnist-model"));
    expect(session.plan.dims).toMatchObject({ D: 28, H: 3 });
    session.close();
  });
});

describe("cellc export refuses", () => {
  const failure = async (...args: readonly string[]) => {
    const { code, stdout } = await exported(...args, "--json");
    const { error } = JSON.parse(stdout);
    return { code, said: `${error?.code}: ${error?.message}` };
  };

  /** A copy of the run. */
  const copy = async (name: string): Promise<string> => {
    await cp(run, join(root, name), { recursive: true });
    return join(root, name);
  };

  test("a folder without a run, and a run without a checkpoint", async () => {
    expect(await failure(root, "--out", join(root, "x"))).toMatchObject({
      code: 2,
      said: expect.stringMatching(/^C0408: .*holds no run/),
    });
    expect(await failure(join(root, "nowhere"), "--out", join(root, "x"))).toMatchObject({
      said: expect.stringMatching(/^C0401: there is no /),
    });
    const empty = await copy("empty");
    for (const name of ["model", "best"]) await rm(join(empty, `${name}.safetensors`));
    expect(await failure(empty, "--out", join(root, "x"))).toEqual({
      code: 1,
      said: `C0401: the run in ${empty} has no checkpoint yet`,
    });
  });

  test("a checkpoint that is damaged, or of another model, and writes nothing", async () => {
    const out = join(root, "nothing");
    const damaged = await copy("damaged");
    const bytes = await readFile(join(damaged, "best.safetensors"));
    await writeFile(join(damaged, "best.safetensors"), bytes.subarray(0, 1000));
    expect(await failure(damaged, "--out", out)).toMatchObject({ code: 1, said: expect.stringMatching(/^C0404: /) });
    expect(await failure(run, "--out", out, "--place", "rnn.cc=layer")).toMatchObject({
      code: 1,
      said: expect.stringMatching(/^C0403: the checkpoint of smnist does not fit smnist: /),
    });
    expect(await failure(run, "--out", out, "--dims", "H=6")).toMatchObject({
      said: expect.stringMatching(/^C0403: /),
    });
    expect(await failure(run, "examples/smnist.cell", "--out", out, "--entry", "nothing")).toMatchObject({ code: 1 });
    await expect(readdir(out)).rejects.toThrow("ENOENT");
  });

  test("numbers that are not finite, and a model without its statistics", async () => {
    const spoilt = await copy("spoilt");
    const model = join(spoilt, "best.safetensors");
    const state = await loadCheckpoint(model);
    const [first] = state.tensors.keys();
    const { shape, data } = state.tensors.get(first)!;
    const wrong = Float32Array.from(data, (value, i) => (i === 1 ? Number.NaN : value));
    await saveCheckpoint(model, { ...state, tensors: new Map(state.tensors).set(first, { shape, data: wrong }) });
    const out = join(root, "nothing");
    expect(await failure(spoilt, "--out", out)).toMatchObject({
      code: 1,
      said: expect.stringMatching(/^C0404: the state cannot be restored: `.*` holds NaN at 1/),
    });
    await saveCheckpoint(model, { ...state, counters: { ...state.counters, seen: [] } });
    expect(await failure(spoilt, "--out", out)).toMatchObject({
      code: 1,
      said: expect.stringMatching(/^C0501: .* has no population statistics/),
    });
  });

  test("a folder in which the weights would replace a checkpoint with more in it", async () => {
    const other = await copy("other");
    const before = await readFile(join(other, "model.safetensors"));
    expect(await failure(other, "--out", other)).toMatchObject({
      code: 2,
      said: expect.stringMatching(/^C0408: .* holds a run/),
    });
    await rm(join(other, "run.json"));
    expect(await failure(run, "--out", other)).toMatchObject({
      code: 2,
      said: expect.stringMatching(/^C0408: .*which no export wrote/),
    });
    expect(await readFile(join(other, "model.safetensors"))).toEqual(before);
    const out = join(root, "twice");
    for (const target of ["wasm", "wgsl,wasm"])
      expect(await exported(run, "--out", out, "--target", target)).toMatchObject({ code: 0 });
    const { executable, backend } = await openExecutable(out, { backend: "wasm" });
    expect(executable.plan.name).toBe("smnist");
    backend.close();
  });

  test("a target that there is not, one that is named twice, and a missing --out", async () => {
    expect(await exported(run, "--out", "x", "--target", "wgsl,cuda")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('want wasm, wgsl, wgsl+subgroups, glsl, got "cuda"'),
    });
    expect(await exported(run, "--out", "x", "--target", "wasm,wasm")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("want each target once"),
    });
    expect(await exported(run)).toMatchObject({ code: 2 });
  });
});
