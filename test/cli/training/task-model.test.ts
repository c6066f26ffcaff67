import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fileHost } from "../../../cli/api/file-host.ts";
import { taskStreams } from "../../../cli/data/streams.ts";
import { addingTask } from "../../../cli/data/tasks/adding.ts";
import { digitsTask } from "../../../cli/data/tasks/digits.ts";
import { modelAround } from "../../../cli/training/task-model.ts";
import { check, elaborate } from "../../../compiler/semantics/elaborate.ts";
import { withFolder } from "../../data/mnist.ts";

const digits = digitsTask("rows", taskStreams);

/** The text that is appended to the file's own. */
function added(file: string, task = digits, entry?: string, dims = {}): string {
  const around = modelAround({ file, entry, dims }, task)!;
  expect(check(file, around.host)).toEqual([]);
  expect(elaborate(file, around.host, { entry: around.entry }).graph.results.map(({ name }) => name)).toContain("loss");
  return around.host.read(file)!.slice(fileHost.read(file)!.length + 1);
}

test("a cell without a model is scanned and read out for the task's classes", () => {
  expect(added("examples/cells/lstm.cell", digits, undefined, { H: 8 })).toBe(`model lstm_on_digits_rows(D = 6, H = 8) {
  param readout : [H, 10] = orthogonal
  param shift   : [10] = 0
  input x : [D] over time
  target y : index(10)

  hs = scan lstm(D = D, H = H) over x
  prediction = last(hs) @ readout + shift
  output prediction
  loss cross_entropy(prediction, y)
  metric accuracy = correct(prediction, y)
}
`);
});

test("a target of numbers is met by least squares", () => {
  const text = added("examples/cells/gru.cell", addingTask(9, taskStreams), "gru_before");
  expect(text).toContain("target y : [1]\n");
  expect(text).toContain("loss mse(prediction, y)\n");
});

test("a task's weights weigh the loss, of each step too, and a cell's own input of that name is none", () =>
  withFolder(async (folder) => {
    const weight = { kind: "value", shape: [1], time: false } as const;
    const each = {
      ...digits,
      inputs: { ...digits.inputs, y: { kind: "index", size: 10, time: true } as const, weight },
    };
    expect(added("examples/cells/lstm.cell", { ...digits, inputs: { ...digits.inputs, weight } })).toContain(`
  target y : index(10)
  target weight : [1]

  hs = scan lstm(D = D, H = H) over x
  prediction = last(hs) @ readout + shift
  output prediction
  loss sum(weight * cross_entropy(prediction, y), over (batch, feature)) / sum(weight, over (batch, feature))
`);
    expect(added("examples/cells/lstm.cell", each)).toContain("sum((weight + 0 * step()) * cross_entropy(");
    const file = join(folder, "own.cell");
    await writeFile(
      file,
      "cell own(D = 6) {\n  input x : [D]\n  input weight : [1]\n  state h : [D] = 0\n  h' = tanh(h + x * weight)\n  output h'\n}\n",
    );
    expect(added(file, { ...digits, inputs: { ...digits.inputs, weight: { ...weight, time: true } } })).toContain(
      "loss cross_entropy(prediction, y)",
    );
  }));

test("a derived cell counts as a cell, and a model stays as it is", () => {
  expect(added("examples/cells/lnlstm.cell")).toContain("scan lnlstm(D = D, H = H) over x");
  expect(modelAround({ file: "examples/smnist.cell", dims: {} }, digits)).toBeUndefined();
  expect(modelAround({ file: "examples/smnist.cell", entry: "noisy_bnlstm", dims: {} }, digits)?.entry).toBe(
    "noisy_bnlstm_on_digits_rows",
  );
});

test("the first of several outputs is read, and one that is no vector is refused", () =>
  withFolder(async (folder) => {
    const cell = (output: string) => `
cell two(D = 6, H = 4) {
  param W : [D, 2H] = orthogonal
  input x : [D]
  state c : [2H] = 0
  c' = tanh(c + x @ W)
  m = reshape(c', [2, H])
  output ${output}
}
`;
    const file = join(folder, "two.cell");
    await writeFile(file, cell("c', m"));
    const text = added(file);
    expect(text).toContain("param readout : [2H, 10] = orthogonal");
    expect(text).toContain("hs, _0 = scan two");
    await writeFile(file, cell("m"));
    expect(() => modelAround({ file, dims: {} }, digits)).toThrow(
      "two stands alone, and its first output, m, is no vector",
    );
  }));
