import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Graph, Op, Pass } from "../../compiler/ir/types.ts";
import { deferWeightGradients } from "../../compiler/passes/defer-weight-gradients.ts";
import { derive } from "../../compiler/passes/derive.ts";
import { hoist } from "../../compiler/passes/hoist.ts";
import { place } from "../../compiler/passes/place.ts";
import { simplify } from "../../compiler/passes/simplify.ts";
import { elaborate } from "../../compiler/semantics/elaborate.ts";
import { files } from "../semantics/sources.ts";

const host = files({ "bnlstm.cell": readFileSync("examples/cells/bnlstm.cell", "utf8") });
const written = elaborate("bnlstm.cell", host).graph;
const through = (graph: Graph, ...passes: readonly Pass[]): Graph => passes.reduce((g, pass) => pass.run(g), graph);

/** The ops of one step, of the forward or the backward scan, that `counts`. */
function inStep(graph: Graph, direction: "forward" | "backward", counts: (op: Op) => boolean): number {
  const scan = graph.ops.find((op) => op.op === "scan" && op.attrs.reverse === (direction === "backward"));
  if (scan?.body === undefined) throw new Error(`no ${direction} scan`);
  return scan.body.ops.filter(counts).length;
}

const isProduct = (op: Op): boolean => op.op === "dot";
const isBatchSum = (op: Op): boolean => op.op === "sum" && op.attrs.axes.batch;

test("the README's table is what the passes find in a step of the batch-normalized LSTM", () => {
  const hoisted = through(written, hoist);
  const derived = through(hoisted, place("train"), simplify, derive());
  const simplified = through(derived, simplify);
  const deferred = through(simplified, deferWeightGradients, simplify);
  const rows = [
    ["forward: matrix products", inStep(written, "forward", isProduct), inStep(hoisted, "forward", isProduct)],
    [
      "backward: sums over the batch",
      inStep(derived, "backward", isBatchSum),
      inStep(simplified, "backward", isBatchSum),
    ],
    ["backward: matrix products", inStep(simplified, "backward", isProduct), inStep(deferred, "backward", isProduct)],
  ];
  const shown = readFileSync("README.md", "utf8").match(/^\| (?:for|back)ward: .*\|$/gm) ?? [];
  expect(
    shown.map((row) =>
      row
        .split("|")
        .map((cell) => cell.trim())
        .slice(1, 4),
    ),
  ).toEqual(rows.map((row) => row.map(String)));
});
