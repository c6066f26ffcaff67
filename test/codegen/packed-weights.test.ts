/** Weights copied before a loop, in the order in which its products read them. */

import { describe, expect, it } from "vitest";
import { type Allocation, Layout, wholeClock } from "../../compiler/buffers/layout.ts";
import { parseGraph } from "../../compiler/ir/parse-text.ts";
import type { Graph } from "../../compiler/ir/types.ts";
import * as x from "../../compiler/kernel-ir/expr.ts";
import { lower } from "../../compiler/lower.ts";
import type { Machine } from "../../compiler/machine.ts";
import { materialise } from "../../compiler/passes/materialise.ts";
import { prepackWeights } from "../../compiler/passes/prepack-weights.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { wgsl } from "../../targets/wgsl/target.ts";
import { numbersFor } from "../passes/meaning.ts";
import { cells, elaborated } from "../schedule/cells.ts";
import { expectComputed } from "./expect-computed.ts";

const all = Object.entries(cells);
const dimsOf = (batch: number, H: number) => ({ batch, time: 3, steps: 3, D: 2, H });

/** How many weights the loops of a training step read as copies. */
const copies = (
  cell: (typeof all)[number][1],
  batch: number,
  H: number,
  { machine } = wasm as Pick<typeof wasm, "machine">,
) => copiesIn(lower(elaborated(cell).graph).entries.train, machine, dimsOf(batch, H));

function copiesIn(graph: Graph, machine: Machine, dims: Readonly<Record<string, number>>): number {
  const { ops } = prepackWeights(machine, dims).run(materialise().run(graph));
  return ops.filter((op) => op.op === "copy" && op.attrs.format === "quads").length;
}

describe("what a loop's products read of a weight is copied", () => {
  it("once for each pass: its gates are parts of one copy", () => {
    expect(all.map(([name, cell]) => [name, copies(cell, 16, 8)])).toEqual([
      ["rnn", 2],
      ["lstm", 2],
      ["lnlstm", 2],
      ["bnlstm", 2],
      // Its candidate has a weight of its own.
      ["gru_before", 4],
      ["gru_after", 2],
    ]);
  });

  it("not for few examples, nor where columns do not come in fours, nor on machines with lanes", () => {
    for (const [, cell] of all)
      expect([copies(cell, 15, 8), copies(cell, 16, 10), copies(cell, 16, 8, wgsl)]).toEqual([0, 0, 0]);
  });

  it.each(all)("%s computes what the reference does", (_, cell) => {
    const { placed, entries } = lower(elaborated(cell).graph);
    for (const [batch, H] of [
      [16, 8],
      [19, 20],
    ]) {
      const dims = dimsOf(batch, H);
      expectComputed(entries.train, placed, { dims, leaves: numbersFor(placed, dims) }, wasm.machine);
    }
  });
});

it("another product of the loop may read a copy by its rows", () => {
  const graph = parseGraph(`graph tied {
    %x = leaf input "x" : f32[time, batch, H]
    %W = leaf param "W" orthogonal(gain=1) : f32[H, 2H]
    %zero = const 0 : f32[]
    %first = broadcast %zero : f32[batch, H]
    %last, %hs = scan (%h = %first) over (%now = %x) {
      %V, %U = split %W {axis=1, parts=2} : f32[H, H], f32[H, H]
      %up = dot %h, %V {k,kn->n} : f32[batch, H]
      %down = dot %now, %V {n,kn->k} : f32[batch, H]
      %next = add %up, %down : f32[batch, H]
      yield %next; %next
    } : f32[batch, H], f32[time, batch, H]
    result output "hs" %hs
  }`);
  const dims = dimsOf(17, 8);
  const leaves = numbersFor(graph, dims);
  expect(copiesIn(graph, wasm.machine, dims)).toBe(1);
  expectComputed(graph, graph, { dims, leaves }, wasm.machine);
});

it("an element of a copy stands where its four stands, and no two in the same place", () => {
  const [rows, columns] = [5, 12];
  const layout = new Layout();
  const buffer = layout.buffer("work", false, rows * columns);
  layout.close(new Map());
  const home: Allocation = {
    ...{ buffer, start: 0, frame: { kind: "shifted", by: 0 }, batch: 0, strides: [4, rows], quads: true },
  };
  const { placeOf } = layout.addresses(wholeClock);
  const at = (k: number, n: number, width: 1 | 4) =>
    x.known(placeOf(home, undefined, undefined, [x.int(k), x.int(n)], width).index)! - buffer.offset;
  const places = Array.from({ length: rows * columns }, (_, i) => at(Math.floor(i / columns), i % columns, 1));
  expect([...places].sort((a, b) => a - b)).toEqual(places.map((_, i) => i));
  for (let k = 0; k < rows; k++)
    for (let n = 0; n < columns; n++) expect(at(k, n, 1)).toBe(at(k, n - (n % 4), 4) + (n % 4));
});
