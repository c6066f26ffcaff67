import { expect, test } from "vitest";
import { moduleName } from "../../../cli/export/python-modules.ts";
import { runPython } from "../../targets/pytorch/python.ts";

test.each([
  ["bnlstm_on_digits", "bnlstm_on_digits"],
  ["BNLSTM", "bnlstm"],
  ["copy", "copy_model"],
  ["Random", "random_model"],
  ["lambda", "lambda_model"],
  ["torch", "torch_model"],
  ["train", "train_model"],
])("the file of the model %s is called %s", (model, file) => {
  expect(moduleName(model)).toBe(file);
});

test("no model's file hides a module of Python's, or is called by a word of its grammar", () => {
  const text = runPython(["-c", "import sys, keyword; print(*sys.stdlib_module_names, *keyword.kwlist)"]);
  const names = text.trim().split(" ");
  expect(names.length).toBeGreaterThan(200);
  expect(names.filter((name) => !name.startsWith("_") && names.includes(moduleName(name)))).toEqual([]);
});
