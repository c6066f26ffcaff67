import { expect, test } from "vitest";
import { numbersFile } from "../../bench/numbers.ts";
import { caseName, isWanted, withExamples, workloads } from "../../bench/workloads.ts";
import { decodeSafetensors } from "../../runtime/safetensors.ts";

test("--only names a cell, a workload, or a cell on a workload", () => {
  const workload = workloads[0];
  expect(isWanted([], "lstm", workload)).toBe(true);
  for (const word of ["lstm", workload.name, caseName("lstm", workload)]) {
    expect(isWanted([word], "lstm", workload)).toBe(true);
  }
  for (const word of ["bnlstm", caseName("bnlstm", workload), workloads[1].name, "lst"]) {
    expect(isWanted([word], "lstm", workload)).toBe(false);
  }
});

test("all contenders get the same numbers: parameters, inputs, and what the kind of run needs besides", () => {
  const small = { name: "small", about: "", B: 2, H: 3, T: 4, D: 5 };
  const [train, infer] = (["train", "stream"] as const).map(
    (kind) => decodeSafetensors(numbersFile({ ...small, kind })).tensors,
  );
  expect(train.get("Wx")!.shape).toEqual([5, 12]);
  expect(train.get("d_h")!.shape).toEqual([4, 2, 3]);
  expect(train.has("hh/m")).toBe(false);
  expect(infer.get("cc/v")!.data.every((v) => v > 0)).toBe(true);
  expect(infer.has("d_h")).toBe(false);
  expect([...infer.get("x")!.data]).toEqual([...train.get("x")!.data]);
});

test("inference with several examples is the same workload under its number of examples", () => {
  const few = withExamples([1, 2]);
  expect(few.map(({ name, B }) => [name, B])).toEqual([
    ["stream", 1],
    ["stream-2", 2],
    ["sequence", 1],
    ["sequence-2", 2],
  ]);
  expect(workloads).toContain(few[0]);
});
