/** Norms at sites, derived by the passes: their gradients are right, and cost what a person's derivation would. */

import { describe, expect, it } from "vitest";
import { finiteDifferences, relativeError } from "../../compiler/ir/finite-differences.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import type { Graph, Op, OpOf } from "../../compiler/ir/types.ts";
import { lower } from "../../compiler/lower.ts";
import { deferWeightGradients } from "../../compiler/passes/defer-weight-gradients.ts";
import { derive } from "../../compiler/passes/derive.ts";
import { hoist } from "../../compiler/passes/hoist.ts";
import { place } from "../../compiler/passes/place.ts";
import { simplify } from "../../compiler/passes/simplify.ts";
import { cells, elaborated, type Placed } from "../schedule/cells.ts";
import { numbersFor } from "./meaning.ts";

const before = { file: "cells/gru", entry: "gru_before" } as const;
const after = { file: "cells/gru", entry: "gru_after" } as const;

/** Cells, how many sites of theirs have a norm, and what else needs a sum over examples of its own. */
const batchNormalized: readonly (readonly [Placed, number, string?])[] = [
  [cells.bnlstm, 3],
  [{ ...cells.rnn, place: "hh=batch,xh=batch" }, 2],
  [{ ...cells.rnn, place: "hh=batch" }, 1],
  [{ ...cells.rnn, place: "xh=batch" }, 1],
  [{ ...cells.lstm, place: "hh=batch,xh=batch,cc=batch" }, 3],
  [{ ...cells.lstm, place: "cc=batch" }, 1, "b: it stands behind no norm that would sum the same"],
  [{ ...before, place: "hh=batch,xh=batch,rh=batch" }, 3],
  [{ ...before, place: "rh=batch" }, 1, "b"],
  [{ ...after, place: "hh=batch,xh=batch" }, 2, "bn: it is a part of what is summed, until gates are said apart"],
];

const layerNormalized: readonly (readonly [Placed, number])[] = [
  [cells.lnlstm, 3],
  [{ ...cells.rnn, place: "hh=layer,xh=layer" }, 2],
  [{ ...before, place: "hh=layer,xh=layer,rh=layer" }, 3],
  [{ ...after, place: "hh=layer" }, 1],
];

const title = ({ file, entry, place: norms }: Placed): string => `${entry ?? file}${norms ? ` with ${norms}` : ""}`;

function sums(ops: readonly Op[]): readonly OpOf<"sum">[] {
  return ops.flatMap((op) => (op.op === "sum" ? [op] : sums(op.body?.ops ?? [])));
}

/** How many sums of the kind that `counts` says the gradients take beyond those that training without gradients needs. */
function backwardSums(cell: Placed, counts: (op: OpOf<"sum">) => boolean): number {
  const passes = [hoist, place("train"), simplify, derive(), simplify, deferWeightGradients, simplify];
  const trained = passes.reduce((g, pass) => pass.run(g), elaborated(cell).graph);
  const forward = simplify.run({ ...trained, results: trained.results.filter((r) => r.kind !== "grad") });
  const count = (g: Graph): number => sums(g.ops).filter(counts).length;
  return count(trained) - count(forward);
}

const overExamples = ({ attrs: { axes } }: OpOf<"sum">): boolean => axes.batch && axes.features.length === 0;
const overFeatures = ({ attrs: { axes } }: OpOf<"sum">): boolean => axes.features.length > 0 && !axes.batch;

describe("batch norm's backward needs two column sums", () => {
  it.each(batchNormalized.map(([cell, ...rest]) => [title(cell), cell, ...rest] as const))(
    "at every site: %s",
    (_, cell, sites, other) => {
      expect(backwardSums(cell, overExamples)).toBe(2 * sites + (other === undefined ? 0 : 1));
    },
  );
});

describe("layer norm's backward needs two row sums", () => {
  it.each(layerNormalized.map(([cell, sites]) => [title(cell), cell, sites] as const))(
    "at every site: %s",
    (_, cell, sites) => {
      expect(backwardSums(cell, overFeatures)).toBe(2 * sites);
    },
  );

  it("and root mean square norm's, without centring, one", () => {
    expect(backwardSums({ ...cells.rnn, place: "hh=rms,xh=rms" }, overFeatures)).toBe(2);
  });
});

describe("gradients through norms are those of finite differences", () => {
  const checked: readonly Placed[] = [
    ...batchNormalized.map(([cell]) => cell),
    ...layerNormalized.map(([cell]) => cell),
    { ...cells.rnn, place: "hh=rms,xh=rms" },
    { ...after, place: "hh=rms,xh=batch" },
    { ...cells.lstm, place: "hh=batch,xh=layer,cc=rms" },
  ];
  it.each(checked.map((cell) => [title(cell), cell] as const))("%s", (_, cell) => {
    const { graph } = elaborated(cell);
    const dims = { batch: 3, time: 3, steps: 3, D: 2, H: 3 };
    const { placed, entries } = lower(graph);
    const leaves = numbersFor(placed, dims);
    const found = interpret(entries.train, { dims, leaf: (name) => leaves[name] });
    const params = placed.ops.flatMap((op) =>
      op.op === "leaf" && op.attrs.leaf.kind === "param" ? [op.attrs.leaf.name] : [],
    );
    expect(params.length).toBeGreaterThan(2);
    for (const name of params) {
      const truth = finiteDifferences(placed, dims, leaves, name);
      expect(relativeError(found.get(`grad:${name}`)!.data, truth), name).toBeLessThan(1e-6);
    }
  });
});
