import { mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, it } from "vitest";
import { readCheckpoint } from "../../../runtime/node/checkpoint-file.ts";
import { cellc } from "../run-here.ts";
import { differenceOf, exchanged, type Inputs, outputsOf } from "./imported-models.ts";

const folder = "test/fixtures/weights";
const models = `${folder}/layers.cell`;
const scratch = mkdtempSync(join(inject("scratch"), "import-"));
const out = join(scratch, "a.safetensors");

interface Fixture {
  readonly x: Inputs;
  readonly y: Inputs;
}

const fixtures = JSON.parse(readFileSync(`${folder}/torch.json`, "utf8")) as Readonly<Record<string, Fixture>>;

const imported = (name: string, from: string, to: string, ...more: readonly string[]) =>
  cellc(["import", `${folder}/${name}.pt`, "--from", `torch.nn.${from}`, "--to", to, "-o", out, ...more]);

/** A fixture, whose layers it has, and a cell or model that takes them. */
const cases: readonly (readonly [
  string,
  string,
  string,
  { readonly entry?: string; readonly cells?: Record<string, string> },
])[] = [
  ["lstm", "LSTM", "examples/cells/lstm.cell", {}],
  ["lstm", "LSTM", models, { entry: "one" }],
  ["lstm_no_bias", "LSTM", "examples/cells/lstm.cell", {}],
  ["lstm_no_bias", "LSTM", models, { entry: "lstm_plain" }],
  ["lstm_two_layers", "LSTM", models, { entry: "two" }],
  ["lstm_both", "LSTM", models, { entry: "both" }],
  ["gru", "GRU", "examples/cells/gru.cell", { entry: "gru_after" }],
  ["gru", "GRU", models, { entry: "gru_other" }],
  ["gru_both", "GRU", models, { entry: "both", cells: { rnn: "gru_after" } }],
  ["gru_both", "GRU", models, { entry: "both", cells: { rnn: "gru_other" } }],
  ["rnn_tanh", "RNN", "examples/cells/rnn.cell", {}],
  ["rnn_relu", "RNN", models, { entry: "two", cells: { rnn: "irnn" } }],
];

describe("what PyTorch trained computes the same here", () => {
  it.each(cases)("%s of torch.nn.%s in %s %j", async (name, from, to, { entry, cells = {} }) => {
    const chosen = [
      ...(entry ? ["--entry", entry] : []),
      ...Object.entries(cells).flatMap(([k, v]) => ["--cell", `${k}=${v}`]),
    ];
    expect(await imported(name, from, to, ...chosen)).toMatchObject({ code: 0 });
    const { x, y } = fixtures[name];
    const { f64, f32 } = await outputsOf(to, { entry, cells }, out, x);
    const wanted = exchanged(y);
    expect(differenceOf(f64, wanted)).toBeLessThan(1e-6);
    // As all targets are compared: sums of some ten products in f32.
    expect(differenceOf(f32, wanted)).toBeLessThan(1e-5);
  });
});

it("dimensions are those of the file unless they are given, and others that do not fit are refused with what fits", async () => {
  expect(await imported("lstm", "LSTM", "examples/cells/lstm.cell")).toMatchObject({ code: 0 });
  expect((await readCheckpoint(out)).dims).toMatchObject({ D: 3, H: 4 });
  expect(await imported("lstm", "LSTM", "examples/cells/lstm.cell", "--dims", "H=5")).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/C0413.*4 units are in .*, and 5 lstm[\s\S]*--dims H=4/),
  });
});

describe("what cannot be equal is refused, and nothing is written", () => {
  it.each([
    ["lstm_proj", "LSTM", "examples/cells/lstm.cell", [], /projects its state \(proj_size\)/],
    [
      "gru",
      "GRU",
      "examples/cells/gru.cell",
      ["--entry", "gru_before"],
      /resets after .* different numbers for all weights[\s\S]*gru_after/,
    ],
    ["lstm", "LSTM", models, ["--entry", "lstm_plain"], /gate of layer l0 has a bias, and that of lstm_plain has none/],
    ["lstm", "LSTM", models, ["--entry", "two"], /the file has 1 layer, and two has 2 layers: `first`, `second`/],
    [
      "lstm_two_layers",
      "LSTM",
      models,
      ["--entry", "both"],
      /layer 1 of the file runs forward, and that of both in both/,
    ],
    ["lstm_two_layers", "LSTM", models, ["--entry", "apart"], /not layers on each other/],
    ["lstm", "LSTM", "examples/cells/bnlstm.cell", [], /has a norm at `hh`.*[\s\S]*--place hh=none/],
    ["lstm", "LSTM", "examples/cells/peephole.cell", [], /the input gate also adds c ∘ pi/],
    ["lstm", "LSTM", "examples/cells/gru.cell", [], /is a GRU, not an LSTM/],
    ["gru", "LSTM", "examples/cells/lstm.cell", [], /it is another module/],
    ["rnn_relu", "RNN", models, ["--entry", "headed", "--cell", "rnn=irnn"], /has 2 layers, and headed has 1/],
    ["lstm", "LSTM", models, ["--entry", "headed"], /nothing says what W \[4, 2\], s \[2\] are/],
    ["lstm", "LSTM", "examples/cells/lstm.cell", ["--place", "Wh=weight"], /is computed from `Wh`/],
  ] as const)("%s of torch.nn.%s in %s %j", async (name, from, to, more, says) => {
    const path = join(scratch, "never.safetensors");
    const ended = await cellc([
      "import",
      `${folder}/${name}.pt`,
      "--from",
      `torch.nn.${from}`,
      "--to",
      to,
      "-o",
      path,
      ...more,
    ]);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/^error\[C0413\]/);
    expect(ended.stderr).toMatch(says);
    expect(() => readFileSync(path)).toThrow("ENOENT");
  });
});

it("a model's other parameters are named by --map, transposed if asked for, or are what --rest says", async () => {
  const nested = (...more: readonly string[]) =>
    imported("nested", "LSTM", models, "--key", "model", "--entry", "headed", ...more);
  expect(await nested("--map", "W=module.fc.weight^T, s=module.fc.bias")).toMatchObject({ code: 0 });
  const { tensors } = await readCheckpoint(out);
  const W = [...tensors.get("W")!.data];
  const text = JSON.stringify(W.map((n) => Number(n.toFixed(4))));
  // fc.weight is [2, 4] and begins with 0.0349, -0.3012, 0.1592.
  expect(text).toMatch(/^\[0\.0349,-?[\d.]+,-0\.3012,-?[\d.]+,0\.1592,/);
  const wrong = await nested("--map", "W=module.fc.weight,s=module.fc.bias");
  expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining("transpose it: W=module.fc.weight^T") });
  expect((await nested("--map", "Q=module.fc.weight")).stderr).toContain("there is no parameter `Q`");
  expect((await nested("--map", "W=fc.weight")).stderr).toContain("has no tensor `fc.weight`");
  expect((await nested("--map", "rnn.Wx=module.fc.weight")).stderr).toMatch(/C0413|C0301/);
  const kept = join(scratch, "kept.safetensors");
  expect(await nested("--map", "W=module.fc.weight^T,s=module.fc.bias")).toMatchObject({ code: 0 });
  await cellc([
    "import",
    `${folder}/lstm.pt`,
    "--from",
    "torch.nn.LSTM",
    "--to",
    models,
    "--entry",
    "headed",
    "--rest",
    out,
    "-o",
    kept,
  ]);
  expect([...(await readCheckpoint(kept)).tensors.get("W")!.data]).toEqual(W);
  expect(await nested("--map", "W=module.fc.weight^T", "--rest", "initial")).toMatchObject({ code: 0 });
  expect([...(await readCheckpoint(out)).tensors.get("s")!.data]).toEqual([0.5, 0.5]);
});

it("--scan takes one scan's weights from a file, the others from a checkpoint so far", async () => {
  expect(
    await imported("lstm", "LSTM", models, "--entry", "apart", "--scan", "first", "--rest", "initial"),
  ).toMatchObject({
    code: 0,
  });
  expect((await imported("lstm", "LSTM", models, "--entry", "apart", "--scan", "third")).stderr).toContain(
    "has no scan `third`",
  );
});

it("a layer that reads two sequences has its weights once, and tensors that are not used are named", async () => {
  const { code, stdout } = await imported("nested", "LSTM", models, "--key", "model", "--entry", "twins");
  expect(code).toBe(0);
  expect(stdout).toContain("left out: module.fc.weight [2, 4], module.fc.bias [2]");
  expect([...(await readCheckpoint(out)).tensors.keys()]).toEqual(["shared/Wx", "shared/Wh", "shared/b"]);
});

it("of a model with an LSTM and a GRU, --from says which is meant", async () => {
  const mixed = (name: string, from: string) => imported(name, from, models, "--entry", "mixed", "--rest", "initial");
  expect(await mixed("lstm", "LSTM")).toMatchObject({ code: 0, stdout: expect.stringContaining("lstm") });
  expect(await mixed("gru", "GRU")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("4 units are in layer l0, and 3"),
  });
  const keras = ["import", `${folder}/keras_lstm.h5`, "--from", "keras", "--to", models, "-o", out];
  expect(await cellc([...keras, "--entry", "mixed"])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("has an LSTM and a GRU, and nothing says which is meant"),
  });
  expect(await cellc([...keras, "--entry", "one"])).toMatchObject({ code: 0 });
});

it("statistics that a model has elsewhere are not known yet, and slots of the optimiser begin at zero", async () => {
  const { code, stdout } = await imported("lstm", "LSTM", "examples/cells/lstm.cell", "--optimizer", "sgd");
  expect(code).toBe(0);
  expect(stdout).toContain("the outputs agree within");
  const state = await readCheckpoint(out);
  expect(state).toMatchObject({ optimizer: "sgd", counters: { step: 0, run: 0, seen: [] } });
});
