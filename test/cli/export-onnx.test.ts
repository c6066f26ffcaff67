/** `cellc export --to onnx`: what it writes, says and refuses. */
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { taskStreams } from "../../cli/data/streams.ts";
import { digitsTask } from "../../cli/data/tasks/digits.ts";
import { exportFormats, formatNames, optionsOfOthers } from "../../cli/export/formats.ts";
import { protobuf } from "../../cli/protobuf.ts";
import { loadCheckpoint, saveCheckpoint } from "../../cli/training/checkpoint.ts";
import { openSession } from "../../runtime/node/index.ts";
import { messages } from "../../targets/onnx/proto.ts";
import { type Fed, swapped } from "../targets/onnx/exported.ts";
import { runOnnx } from "../targets/onnx/runtime.ts";
import { cellc } from "./run-here.ts";

let root = "";
/** Runs of a model whose loop is a Scan, of one whose loop could be an LSTM, of a cell that stands alone, and of a table. */
let [scan, almost, alone, table] = ["", "", "", ""];

const how = ["--task", "digits-rows", "--dims", "H=5", "--batch", "40", "--steps", "4", "--lr", "0.02"];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cellc-export-onnx-"));
  [scan, almost, alone, table] = ["scan", "almost", "alone", "table"].map((name) => join(root, name));
  const smnist = ["train", "examples/smnist.cell", ...how];
  const rows = Array.from({ length: 120 }, (_, i) => `${Math.sin(i / 5)},${Math.cos(i / 7)}`);
  await writeFile(join(root, "waves.csv"), `a,b\n${rows.join("\n")}\n`);
  const data = ["--data", join(root, "waves.csv"), "--window", "8", "--target", "b", "--dims", "H=4", "--steps", "2"];
  const all = [
    [...smnist, "--out", scan],
    [...smnist, "--cell", "rnn=lstm", "--place", "rnn.hh=batch(beta = none)", "--out", almost],
    ["train", "examples/cells/lstm.cell", ...how, "--out", alone],
    ["train", "examples/cells/gru.cell", ...data, "--out", table],
  ];
  for (const args of all) expect(await cellc(args)).toMatchObject({ code: 0 });
});

afterAll(() => rm(root, { recursive: true, force: true }));

const exported = (...args: readonly string[]) => cellc(["export", "--to", "onnx", ...args]);

interface Metadata {
  readonly irVersion: unknown;
  readonly producerName: string;
  readonly docString: string;
  readonly metadataProps: readonly { readonly key: string; readonly value: string }[];
}

async function modelOf(path: string): Promise<Metadata> {
  const type = protobuf.Root.fromJSON(messages).lookupType("ModelProto");
  return type.decode(await readFile(path)) as unknown as Metadata;
}

/** Seven digits, in our runtime's layout. */
const digits = (steps: number) => {
  const { inputs } = digitsTask("rows", taskStreams).batch("test", Uint32Array.from([1, 2, 3, 4, 5, 6, 7])) as {
    readonly inputs: Readonly<Record<string, Float32Array>>;
  };
  return inputs.x.subarray(0, steps * 7 * 6);
};

const fed = (x: Float32Array, steps: number): Fed => ({
  element: "float32",
  dims: [7, steps, 6],
  data: Float32Array.from(swapped(x, steps, 7)),
});

describe("cellc export --to onnx", () => {
  test.each([
    ["a loop with statistics for each step", () => scan, "logits"],
    ["a cell that was trained with a readout", () => alone, "prediction"],
  ] as const)("of %s computes what `openSession` does, of batches and lengths of any size", async (_, run, output) => {
    const [file, folder] = [join(root, `${output}.onnx`), join(root, output)];
    expect(await exported(run(), "--out", file)).toMatchObject({ code: 0 });
    expect(await cellc(["export", run(), "--batch", "7", "--out", folder])).toMatchObject({ code: 0 });
    const session = await openSession(folder);
    for (const steps of [3, 6]) {
      const x = digits(steps);
      const ours = await session.infer({ steps, examples: 7, inputs: { x, y: null } });
      const theirs = await runOnnx(await readFile(file), { x: fed(x, steps) });
      expect(theirs[output].dims).toEqual([7, 10]);
      Array.from(theirs[output].data as Float32Array).forEach((value, i) => {
        expect(value).toBeCloseTo(ours.outputs[output][i], 5);
      });
    }
    session.close();
  });

  test("says what the loop became and why", async () => {
    const file = join(root, "said.onnx");
    const said = async (run: string) => (await exported(run, "--out", file)).stdout.split("\n")[1];
    expect(await said(alone)).toBe("the loop of h and c is an LSTM");
    expect(await said(table)).toBe("the loop of h is a GRU");
    expect(await said(scan)).toBe("the loop of h and c is a Scan: its equations are those of no LSTM, GRU or RNN");
    expect(await said(almost)).toBe(
      "the loop of h and c is a Scan, because the norm at `rnn.hh` keeps statistics for each step; with `stats = shared` it would be an LSTM",
    );
    const { stdout } = await exported(almost, "--out", file, "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ ok: true, file, model: "smnist", step: 4, opset: 17, inputs: ["x"], outputs: ["logits"] },
      loops: [{ states: ["h", "c"], op: "Scan", perStep: ["rnn/hh"], ifShared: "LSTM" }],
      bytes: (await stat(file)).size,
    });
  });

  test("records what the model is, and how its data was prepared", async () => {
    const file = join(root, "table.onnx");
    expect(await exported(table, "--out", file)).toMatchObject({ code: 0 });
    const { producerName, irVersion, docString, metadataProps } = await modelOf(file);
    expect([producerName, Number(irVersion)]).toEqual(["cellc", 8]);
    expect(docString).toContain("[batch, time, …]");
    const metadata = Object.fromEntries(metadataProps.map(({ key, value }) => [key, value]));
    const { fingerprint } = await loadCheckpoint(join(table, "model.safetensors"));
    expect(metadata).toMatchObject({ "cellc.fingerprint": fingerprint, "cellc.step": "2" });
    expect(JSON.parse(metadata["cellc.dims"])).toMatchObject({ H: 4 });
    const folder = join(root, "beside");
    expect(await cellc(["export", table, "--out", folder])).toMatchObject({ code: 0 });
    const preparation = JSON.parse(await readFile(join(folder, "preparation.json"), "utf8"));
    expect(JSON.parse(metadata["cellc.preparation"])).toEqual(preparation);
  });

  test("with --ragged takes the length of each sequence, and what follows it does not count", async () => {
    const file = join(root, "ragged.onnx");
    const { stdout } = await exported(alone, "--ragged", "--out", file, "--json");
    expect(JSON.parse(stdout)).toMatchObject({ inputs: ["x", "lengths"], loops: [{ op: "LSTM" }] });
    const lengths: Fed = { element: "int64", dims: [7], data: new BigInt64Array(7).fill(4n) };
    const bytes = await readFile(file);
    const long = await runOnnx(bytes, { x: fed(digits(6), 6), lengths });
    const short = await runOnnx(bytes, { x: fed(digits(4), 4), lengths });
    expect(long.prediction.data).toEqual(short.prediction.data);
  });

  test("with --states goes on from part to part, unless the model needs later steps", async () => {
    const file = join(root, "parts.onnx");
    const { stdout } = await exported(alone, "--states", "--out", file, "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      inputs: ["x", "state_h", "state_c", "first_step"],
      outputs: ["prediction", "next_state_h", "next_state_c"],
      loops: [{ op: "LSTM" }],
    });
    const cell = join(root, "ends.cell");
    await writeFile(
      cell,
      `import { lstm } from "${join(process.cwd(), "examples/cells/lstm.cell")}"
model ends(D = 6, H = 4) {
  param W : [H, 10] = xavier
  input x : [D] over time
  target y : index(10)
  logits = first(scan lstm(D, H) over x reverse) @ W
  output logits
  loss cross_entropy(logits, y)
}`,
    );
    const run = join(root, "ends");
    expect(await cellc(["train", cell, "--task", "digits-rows", "--steps", "1", "--out", run])).toMatchObject({
      code: 0,
    });
    const ended = await exported(run, "--states", "--out", file, "--json");
    expect([ended.code, JSON.parse(ended.stdout).error]).toEqual([
      1,
      expect.objectContaining({
        code: "C0310",
        message: expect.stringContaining("sequences of ends cannot come in parts"),
      }),
    ]);
  });

  test("refuses options of another format, a folder, and a model without its statistics, and leaves what was there", async () => {
    const file = join(root, "kept.onnx");
    await writeFile(file, "kept");
    const refused = async (...args: readonly string[]) => {
      const { code, stdout } = await exported(...args, "--json");
      const { error } = JSON.parse(stdout);
      return [code, error?.code, error?.message];
    };
    for (const args of [
      ["--batch", "3"],
      ["--target", "wgsl"],
      ["--entries", "step"],
    ])
      expect(await refused(scan, "--out", file, ...args)).toEqual([2, "C0301", `--to onnx takes no ${args[0]}`]);
    expect(await refused(scan, "--out", root)).toEqual([1, "C0409", expect.stringContaining(root)]);
    const model = join(scan, "best.safetensors");
    const state = await loadCheckpoint(model);
    await saveCheckpoint(model, { ...state, counters: { ...state.counters, seen: [] } });
    expect(await refused(scan, "--out", file)).toEqual([1, "C0501", expect.stringContaining("population statistics")]);
    expect(await readFile(file, "utf8")).toBe("kept");
    await saveCheckpoint(model, state);
  });
});

test("an option of one format is refused by the others, and one of none is for all", () => {
  const own = formatNames.flatMap((name) => exportFormats[name].options.map((option) => [name, option] as const));
  for (const [name, option] of own)
    for (const other of formatNames) {
      const takes = exportFormats[other].options.some((one) => one === option);
      expect(optionsOfOthers(other, new Set([option])), `${option} of ${name}`).toEqual(takes ? [] : [option]);
    }
  expect(formatNames.flatMap((name) => optionsOfOthers(name, new Set(["dims", "out"])))).toEqual([]);
});
