import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Task } from "../../../cli/data/task.ts";
import { checkInputs } from "../../../cli/training/check-inputs.ts";
import { withFolder } from "../../data/mnist.ts";
import { smallPlan } from "../../data/plan.ts";
import { npz, safetensors } from "../data/formats/write-arrays.ts";
import { cellc } from "../run-here.ts";

const task = (inputs: Task["inputs"]): Task => ({
  name: "t",
  summary: "",
  inputs,
  dims: { D: 28, K: 10 },
  steps: 28,
  splits: { train: 10, validation: 0, test: 10 },
  batch: () => ({ inputs: {}, steps: 28, examples: 0 }),
});
const x = { kind: "value", shape: [28], time: true } as const;
const y = { kind: "index", size: 10, time: false } as const;

test("a task that gives every input in its shape and kind fits, whatever it gives besides", async () => {
  await expect(checkInputs(smallPlan, task({ x, y, extra: x }))).resolves.toBeUndefined();
});

test.each([
  ["is missing", { x }, "y: the model wants whole numbers below 10, the task has none of that name"],
  [
    "has other features",
    { x: { ...x, shape: [1] }, y },
    "x: the model wants [28] over time, the task gives [1] over time",
  ],
  ["has no time", { x: { ...x, time: false }, y }, "x: the model wants [28] over time, the task gives [28]"],
  [
    "is of another kind",
    { x, y: { kind: "value", shape: [1], time: false } as const },
    "y: the model wants whole numbers below 10, the task gives [1]",
  ],
  ["has other classes", { x, y: { ...y, size: 2 } }, "the task gives whole numbers below 2"],
])(
  "an input that %s is C0406, with what was wanted and the dimensions that would fit",
  async (_, inputs: Task["inputs"], words) => {
    const caught = await checkInputs(smallPlan, task(inputs)).catch((error: unknown) => error);
    expect(caught).toMatchObject({ code: "C0406", exitCode: 1, help: expect.stringContaining("--dims D=28,K=10") });
    expect(String(caught)).toContain(words);
  },
);

describe("data of one's own says what to add", () => {
  const model = (y: string, x = "x : [1]") => `model m(D = 1, K = 3, V = 4) {
  param W : [${x.startsWith("x") ? 1 : "V"}, 3] = xavier
  input ${x} over time
  target y : ${y}
  z = last(${x.startsWith("x") ? "x" : "one_hot(w, V)"}) @ W
  output z
  loss ${y.startsWith("index") ? "cross_entropy(z, y)" : "mse(z, y)"}
}
`;
  const whole = { type: "i8", shape: [8], data: [0, 2, 1, 0, 2, 2, 1, 0] } as const;
  const xs = { type: "f4", shape: [8, 2, 1], data: Array.from({ length: 16 }, (_, i) => i / 4) } as const;
  const table = (column: string, values: readonly (number | string)[]) =>
    `id,v,${column}\n${values.map((value, i) => `${i},${i / 4},${value}\n${i},${i / 8},${value}\n`).join("")}`;

  test.each<[string, string, string | Uint8Array, readonly string[], string, string]>([
    [
      "whole numbers of NPZ",
      "d.npz",
      npz({ x: xs, y: whole }),
      [],
      model("index(3)"),
      "to take the numbers of y as classes: --label y",
    ],
    [
      "whole numbers of safetensors",
      "d.safetensors",
      safetensors({ x: xs, y: whole }),
      [],
      model("index(3)"),
      "--label y",
    ],
    [
      "whole numbers of a table",
      "d.csv",
      table("kind", whole.data),
      ["--group", "id", "--x", "v", "--target", "kind", "--per", "sequence"],
      model("index(3)"),
      "to take the numbers of kind as classes: --label kind",
    ],
    [
      "numbers that are not whole",
      "d.csv",
      table(
        "kind",
        whole.data.map((value) => value + 0.5),
      ),
      ["--group", "id", "--x", "v", "--target", "kind", "--per", "sequence"],
      model("index(3)"),
      "kind has numbers such as 0.5, for a model with target y : [1]",
    ],
    [
      "classes that are numbers",
      "d.npz",
      npz({ x: xs, y: whole }),
      ["--label", "y"],
      model("[3]"),
      "to take y as numbers: --target y, and no --label y",
    ],
    [
      "classes that are texts",
      "d.csv",
      table(
        "kind",
        whole.data.map((value) => "abc"[value]),
      ),
      ["--group", "id", "--x", "v", "--label", "kind"],
      model("[3]"),
      "the values of kind are classes, for a model with target y : index(K)",
    ],
    [
      "symbols that are numbers",
      "d.npz",
      npz({ x: { type: "i8", shape: [8, 2], data: Array.from({ length: 16 }, (_, i) => i % 4) }, y: whole }),
      ["--label", "y"],
      model("index(3)", "w : index(V)"),
      "to take the values of x as symbols: --symbols x",
    ],
  ])("of %s", async (_, name, data, options, text, words) => {
    await withFolder(async (folder) => {
      const [cell, file] = [join(folder, "m.cell"), join(folder, name)];
      await writeFile(cell, text);
      await writeFile(file, data);
      const train = ["train", cell, "--data", file, "--batch", "2", "--steps", "1", "--split", "0.5,0.25,0.25"];
      const ended = await cellc([...train, ...options, "--out", join(folder, "run")]);
      expect([ended.code, ended.stderr]).toEqual([1, expect.stringContaining(words)]);
      expect(ended.stderr).toContain("C0406");
    });
  });
});
