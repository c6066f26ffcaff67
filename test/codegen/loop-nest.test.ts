/** Scans as one kernel with the loop inside: which owners may have them, and that all schedules of a loop mean the same. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Graph, Op } from "../../compiler/ir/types.ts";
import { lower } from "../../compiler/lower.ts";
import { type LoopOwner, refusal } from "../../compiler/partition/loop-owner.ts";
import { materialise } from "../../compiler/passes/materialise.ts";
import { definitions } from "../../compiler/passes/rewrite.ts";
import type { Entry } from "../../runtime/plan.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { wgsl } from "../../targets/wgsl/target.ts";
import { randomGraphs } from "../ir/random-graph.ts";
import { numbersFor } from "../passes/meaning.ts";
import { cells, elaborated, type Placed, planned } from "../schedule/cells.ts";
import { expectComputed } from "./expect-computed.ts";

const both = (owner: LoopOwner) => ({ forward: owner, backward: owner }) as const;
const title = ({ file, entry, place }: Placed): string => `${entry ?? file}${place ? ` with ${place}` : ""}`;

/** Why `owner` cannot have the loops of `graph`, in order. */
function refusals(graph: Graph, owner: LoopOwner, { machine } = wgsl): readonly (string | undefined)[] {
  const { ops } = materialise().run(graph);
  const defs = definitions(ops);
  return ops.flatMap((op) => (op.op === "scan" ? [refusal(op, owner, defs, machine)] : []));
}

const independent: readonly Placed[] = [
  cells.rnn,
  cells.lstm,
  cells.lnlstm,
  cells.gru_before,
  cells.gru_after,
  { ...cells.lstm, place: "hh=rms,cc=rms" },
  { ...cells.gru_before, place: "hh=layer,rh=layer" },
];

const normalized: readonly Placed[] = [
  cells.bnlstm,
  { ...cells.bnlstm, place: "hh=batch,cc=none" },
  { ...cells.bnlstm, place: "hh=none,cc=batch" },
  { ...cells.gru_before, place: "hh=batch,xh=batch,rh=batch" },
  { ...cells.gru_after, place: "hh=batch" },
  { ...cells.rnn, place: "hh=batch" },
];

/** Loops over the steps that the plan runs, and kernels that hold one. */
const loopsIn = (entry: Entry | undefined): number => entry!.commands.filter((c) => c.do === "steps").length;

describe("a sequence is one dispatch forward and one backward", () => {
  it.each([...independent, ...normalized].map((cell) => [title(cell), cell] as const))("of %s, by whole", (_, cell) => {
    const { train, infer } = planned(cell, wgsl, { batch: 64, loops: both("whole") }).plan.entries;
    expect([loopsIn(train), loopsIn(infer)]).toEqual([0, 0]);
    const kernels = train!.commands.flatMap((c) => (c.do === "dispatch" ? [c.kernel] : []));
    expect(kernels.filter((k) => k.startsWith("train_forward"))).toHaveLength(1);
    expect(kernels.filter((k) => k.startsWith("train_backward"))).toHaveLength(1);
  });

  it.each(independent.map((cell) => [title(cell), cell] as const))("of %s, by row", (_, cell) => {
    const { train, infer } = planned(cell, wgsl, { batch: 64, loops: both("row") }).plan.entries;
    expect([loopsIn(train), loopsIn(infer)]).toEqual([0, 0]);
    const kernels = train!.commands.flatMap((c) => (c.do === "dispatch" ? [c.kernel] : []));
    expect(kernels.filter((k) => k.startsWith("train_forward"))).toHaveLength(1);
    expect(kernels.filter((k) => k.startsWith("train_backward"))).toHaveLength(1);
  });
});

it("no workgroup may own rows where the batch has statistics in the loop, and the reason says of what", () => {
  for (const cell of normalized) {
    const [forward, backward] = refusals(lower(elaborated(cell).graph).entries.train, "row");
    expect(forward, title(cell)).toMatch(/^(hh|cc|rh|c_next|h)\w* is summed over the batch in the loop$/);
    expect(backward, title(cell)).toMatch(/ is summed over the batch in the loop$/);
  }
});

describe.each([wasm, wgsl])("on $name", ({ machine }) => {
  describe.each(["column", "row", "whole"] as const)("owned by %s", (owner) => {
    const legal = owner === "row" ? independent : [...independent, ...normalized];
    it.each(legal.map((cell) => [title(cell), cell] as const))("%s computes what the reference does", (_, cell) => {
      const { placed, entries } = lower(elaborated(cell).graph);
      const dims = { batch: 3, time: 3, steps: 3, D: 2, H: 4 };
      const leaves = numbersFor(placed, dims);
      expectComputed(entries.train, placed, { dims, leaves }, machine, both(owner));
    });

    it("random graphs compute what the reference does", () => {
      let loops = 0;
      fc.assert(
        fc.property(randomGraphs, (random) => {
          const { placed, entries } = lower(random.graph, { inputGradients: true });
          fc.pre(!random.graph.ops.some(hasMaximum));
          const graph = entries.train;
          const found = refusals(graph, owner);
          fc.pre(found.length > 0 && found.every((r) => r === undefined));
          loops += found.length;
          expectComputed(graph, placed, random, machine, both(owner));
        }),
        { seed: 31, numRuns: 20 },
      );
      expect(loops).toBeGreaterThan(20);
    });
  });
});

/** Kernel IR's meaning rounds where it stores: the largest entry, stored, equals none of those it is looked for among. */
const hasMaximum = (op: Op): boolean => op.op === "maximum" || (op.body?.ops.some(hasMaximum) ?? false);
