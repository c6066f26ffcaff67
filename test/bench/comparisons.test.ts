import { expect, test } from "vitest";
import { compare } from "../../bench/comparisons.ts";
import { summarize } from "../../bench/measure.ts";
import type { Row } from "../../bench/side-by-side.ts";

const row = (contender: string, threads: number, cell: Row["cell"], form: string, ms: number): Row => ({
  workload: "784",
  contender,
  threads,
  cell,
  form,
  times: summarize([ms]),
});

test("a ratio is of the fastest of both sides", () => {
  const rows = [
    row("cellc wasm", 1, "bnlstm", "compiled", 20),
    row("cellc wasm", 2, "bnlstm", "compiled", 10),
    row("PyTorch", 1, "bnlstm", "eager", 70),
    row("PyTorch", 2, "bnlstm", "eager", 90),
    row("PyTorch", 2, "bnlstm", "TorchScript", 30),
  ];
  const named = new Map(compare(rows).map((found) => [found.name, found]));
  expect(named.get("eager BN-LSTM / BN-LSTM")).toMatchObject({ ratio: 7, wanted: "≥ 6", reached: true });
  expect(named.get("TorchScript BN-LSTM / BN-LSTM")).toMatchObject({ ratio: 3, workload: "784" });
  expect(named.has("nn.LSTM / BN-LSTM")).toBe(false);
});

test("a row that failed or computed something else is in no ratio", () => {
  const rows = [
    row("cellc wasm", 1, "bnlstm", "compiled", 20),
    { ...row("cellc wasm", 1, "lstm", "compiled", 1), error: "it computes something else" },
    row("cellc wasm", 2, "lstm", "compiled", 16),
  ];
  expect(compare(rows)).toEqual([
    { name: "BN-LSTM / LSTM", workload: "784", ratio: 1.25, wanted: "≤ 1.1", reached: false },
  ]);
});
