import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, inject, it } from "vitest";
import { openSource } from "../../../cli/import/open-source.ts";
import { cellc } from "../run-here.ts";
import { differenceOf, exchanged, type Inputs, outputsOf } from "./imported-models.ts";

const folder = "test/fixtures/weights";
const models = `${folder}/layers.cell`;
const scratch = mkdtempSync(join(inject("scratch"), "import-"));
const out = join(scratch, "a.safetensors");

const fixtures = JSON.parse(readFileSync(`${folder}/keras.json`, "utf8")) as Readonly<
  Record<string, { readonly x: Inputs; readonly y: Inputs }>
>;

const imported = (file: string, layer: string, to: string, ...more: readonly string[]) =>
  cellc(["import", `${folder}/${file}`, "--from", `keras.layers.${layer}`, "--to", to, "-o", out, ...more]);

interface Chosen {
  readonly entry: string;
  readonly cells?: Readonly<Record<string, string>>;
  readonly more?: readonly string[];
}

const cases: readonly (readonly [string, string, string, Chosen])[] = [
  ["keras_lstm.weights.h5", "LSTM", "examples/cells/lstm.cell", { entry: "lstm" }],
  ["keras_lstm.h5", "LSTM", "examples/cells/lstm.cell", { entry: "lstm" }],
  ["keras_lstm_no_bias.weights.h5", "LSTM", models, { entry: "lstm_plain" }],
  ["keras_lstm_both.h5", "LSTM", models, { entry: "both" }],
  ["keras_lstm_both.weights.h5", "LSTM", models, { entry: "both" }],
  ["keras_lstm_both.npz", "LSTM", models, { entry: "both" }],
  ["keras_gru_before.h5", "GRU", models, { entry: "two", cells: { rnn: "gru_before" } }],
  [
    "keras_gru_before.weights.h5",
    "GRU",
    models,
    { entry: "two", cells: { rnn: "gru_before" }, more: ["--layers", "first,second"] },
  ],
  ["keras_gru_after.weights.h5", "GRU", "examples/cells/gru.cell", { entry: "gru_after" }],
  ["keras_gru_after.npz", "GRU", models, { entry: "gru_other" }],
  ["keras_rnn.keras", "SimpleRNN", models, { entry: "two", cells: { rnn: "irnn" } }],
];

describe("what Keras trained computes the same here", () => {
  it.each(cases)("%s of keras.layers.%s in %s %j", async (file, layer, to, { entry, cells = {}, more = [] }) => {
    const chosen = ["--entry", entry, ...Object.entries(cells).flatMap(([k, v]) => ["--cell", `${k}=${v}`]), ...more];
    expect(await imported(file, layer, to, ...chosen)).toMatchObject({ code: 0 });
    const { x, y } = fixtures[file.slice(0, file.indexOf("."))];
    const { f64, f32 } = await outputsOf(to, { entry, cells }, out, x);
    const wanted = exchanged(y);
    // Keras' own outputs here are computed in f32.
    expect(differenceOf(f64, wanted)).toBeLessThan(1e-6);
    expect(differenceOf(f32, wanted)).toBeLessThan(1e-5);
  });
});

it("what a file does not say is said, and what it says is not", async () => {
  const silent = await imported("keras_lstm.weights.h5", "LSTM", "examples/cells/lstm.cell");
  expect(silent.stdout).toContain("does not describe its layers: their activations are taken to be tanh and sigmoid");
  const told = await imported("keras_lstm.h5", "LSTM", "examples/cells/lstm.cell");
  expect(told.stdout).not.toContain("taken to be");
});

describe("what cannot be equal is refused", () => {
  it.each([
    [
      "keras_hard.h5",
      "LSTM",
      "examples/cells/lstm.cell",
      [],
      /C0413.*recurrent_activation = "hard_sigmoid", and the cell computes with "sigmoid"/,
    ],
    [
      "keras_gru_after.weights.h5",
      "GRU",
      "examples/cells/gru.cell",
      ["--entry", "gru_before"],
      /C0413.*resets after the product/,
    ],
    [
      "keras_gru_before.h5",
      "GRU",
      models,
      ["--entry", "two", "--cell", "rnn=gru_after"],
      /C0413.*first resets before the product/,
    ],
    [
      "keras_gru_before.weights.h5",
      "GRU",
      models,
      ["--entry", "two", "--cell", "rnn=gru_before"],
      /C0301.*in which order[\s\S]*--layers/,
    ],
    [
      "keras_gru_before.weights.h5",
      "GRU",
      models,
      ["--entry", "one", "--cell", "rnn=gru_before", "--layers", "third"],
      /C0301.*no recurrent layer `third`/,
    ],
    [
      "keras_rnn.keras",
      "SimpleRNN",
      "examples/cells/rnn.cell",
      ["--layers", "simple_rnn"],
      /C0413.*simple_rnn has relu, and rnn tanh/,
    ],
    ["keras_rnn.keras", "LSTM", "examples/cells/lstm.cell", ["--layers", "simple_rnn"], /C0413.*it is another layer/],
    [
      "keras_lstm_both.npz",
      "LSTM",
      models,
      ["--entry", "alone"],
      /C0413.*the arrays of 4 recurrent layers, both directions counted, and the cell has 2/,
    ],
    ["keras_lstm_both.h5", "LSTM", models, ["--entry", "two"], /C0413.*layer 1 of the file runs in both directions/],
    ["layers.cell", "LSTM", "examples/cells/lstm.cell", [], /C0407.*no file of weights that is read/],
    ["lstm.pt", "LSTM", "examples/cells/lstm.cell", [], /C0301.*no recurrent layer of Keras/],
  ] as const)("%s of keras.layers.%s in %s %j", async (file, layer, to, more, says) => {
    const { code, stderr } = await imported(file, layer, to, ...more);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(says);
  });
});

it("HDF5 files that are cut are refused, or give the numbers that they gave", async () => {
  const read = async (path: string) => {
    const { tensors } = await openSource(path, undefined, process.stdin);
    return Promise.all([...tensors].map(async ([name, tensor]) => [name, [...(await tensor.numbers())]] as const));
  };
  const bytes = readFileSync(`${folder}/keras_lstm.h5`);
  const whole = new Map(await read(`${folder}/keras_lstm.h5`));
  const path = join(scratch, "cut.h5");
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: bytes.length - 1 }), async (length) => {
      writeFileSync(path, bytes.subarray(0, length));
      const found = await read(path).catch((error: { readonly code?: string }) => error.code ?? error);
      if (typeof found === "string") expect(["C0402", "C0407"]).toContain(found);
      else
        for (const [name, numbers] of found as Awaited<ReturnType<typeof read>>)
          expect(numbers).toEqual(whole.get(name));
    }),
    { numRuns: 60 },
  );
});
