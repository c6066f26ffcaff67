/** Loops over the steps as one kernel: targets compute what the reference does, as they do step by step in the other tests. */
import { describe, expect, it } from "vitest";
import type { LoopOwner } from "../../compiler/partition/loop-owner.ts";
import { cells, elaborated, type Placed } from "../schedule/cells.ts";
import { opened, places } from "./backends.ts";
import { Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

interface Case {
  readonly name: string;
  readonly cell: Placed;
  readonly owner: LoopOwner;
}

const independent = { rnn: cells.rnn, lstm: cells.lstm, gru_before: cells.gru_before, lnlstm: cells.lnlstm };
const normalized = {
  bnlstm: cells.bnlstm,
  "gru_before, normalized": { ...cells.gru_before, place: "hh=batch,xh=batch,rh=batch" },
  "gru_after, normalized": { ...cells.gru_after, place: "hh=batch" },
};

const cases: readonly Case[] = [
  ...Object.entries(independent).flatMap(([name, cell]) =>
    (["row", "whole"] as const).map((owner) => ({ name, cell, owner })),
  ),
  ...Object.entries(normalized).map(([name, cell]) => ({ name, cell, owner: "whole" as const })),
];

/** A batch that rows do not share out evenly on a GPU's lanes: seven examples to a workgroup, then two. */
function study({ cell, owner }: Case): Study {
  const { graph, dims } = elaborated(cell);
  const loops = { forward: owner, backward: owner };
  return new Study(graph, { dims: { ...dims, D: 3, H: 33 }, batch: 9, time: 3, seed: 5, loops });
}

/** Shaders take long to compile on a CPU: one for each owner and sort of body; Kernel IR's meaning is tested of all. */
const onWebGpu = ["lstm by row", "lnlstm by row", "bnlstm by whole"];

describe.each([
  { place: places.wasm, some: cases },
  { place: places.wgsl, some: cases.filter(({ name, owner }) => onWebGpu.includes(`${name} by ${owner}`)) },
])("on $place.name", ({ place, some }) => {
  const backend = opened(place);

  it.each(some)("$name owned by $owner", async (c) => {
    const errors = await study(c).targetErrors(place.target, backend(), ["train"]);
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(tolerance.gradient);
  });
});
