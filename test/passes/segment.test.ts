/** A graph cut along time computes what it computed in one piece. */

import { describe, expect, it } from "vitest";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
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
