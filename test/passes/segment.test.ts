/** A graph cut along time computes what it computed in one piece. */

import { describe, expect, it } from "vitest";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import { parseGraph } from "../../compiler/ir/parse-text.ts";
import { verify } from "../../compiler/ir/verify.ts";
import { lower, segmented } from "../../compiler/lower.ts";
import { cells, elaborated, type Placed } from "../schedule/cells.ts";
import { allOps, numbersFor, tolerance } from "./meaning.ts";
import { runPieces } from "./run-pieces.ts";

const S = 3;
const lengths = [1, S - 1, S, S + 1, 3 * S + 2];

const checked: readonly Placed[] = [
  ...Object.values(cells),
  { ...cells.lstm, place: "hh=batch,xh=layer,cc=rms" },
  { file: "smnist" },
];

const title = ({ file, entry, place }: Placed): string => [entry ?? file, place].filter(Boolean).join(" with ");

describe.each(checked.map((cell) => [title(cell), cell] as const))("%s in segments", (_, cell) => {
  const { graph } = elaborated(cell);
  const whole = lower(graph);
  const pieces = segmented(graph);

  it.each(["train", "estimate", "infer"] as const)("has pieces that obey the rules of graphs: %s", (entry) => {
    for (const { graph } of pieces[entry]!.pieces) expect(() => verify(graph, { placed: true })).not.toThrow();
  });

  it.each(lengths)("computes the same loss, statistics and gradients over %i steps", (time) => {
    const dims = { batch: 3, time, steps: time, D: 2, H: 3, K: 4 };
    const leaves = numbersFor(allOps(whole), dims);
    for (const entry of ["train", "estimate", "infer"] as const) {
      const found = runPieces(pieces[entry]!, S, { dims, leaves });
      const expected = interpret(whole.entries[entry], { dims, leaf: (name) => leaves[name] });
      for (const [name, { data }] of expected) {
        const other = found.get(name);
        expect(other, `${entry} has ${name}`).toBeDefined();
        expect(relativeError(data, other!), `${entry} ${name}`).toBeLessThan(tolerance);
      }
    }
  });
});

it("a loop without inputs and outputs, with states only, goes through all segments", () => {
  const graph = parseGraph(`graph counting {
  %x = leaf input "x" : f32[time, batch]
  %0 = const 0 : f32[]
  %n_last = scan (%n = %0) {
    %1 = const 1 : f32[]
    %2 = add %n, %1 : f32[]
    yield %2
  } : f32[]
  %3 = broadcast %0 : f32[batch]
  %h_last = scan (%h = %3) over (%xt = %x) {
    %4 = add %h, %xt : f32[batch]
    yield %4
  } : f32[batch]
  result output "n" %n_last
  result output "h" %h_last
}`);
  const found = runPieces(segmented(graph).infer!, 2, { dims: { batch: 1, time: 5 }, leaves: { x: [1, 2, 3, 4, 5] } });
  expect([...found.get("output:n")!, ...found.get("output:h")!]).toEqual([5, 15]);
});
