/** A batch in parts: sums over examples merged from sums over parts, variances by Chan's formula. */
import { describe, expect, it } from "vitest";
import { cells, elaborated } from "../schedule/cells.ts";
import { opened, places } from "./backends.ts";
import { computations, Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const dims = { D: 3, H: 5 };

/** Batches and parts: equal ones, one example each, a smaller last one, and parts that fill lanes. */
const sizes = [
  { batch: 8, parts: 2 },
  { batch: 5, parts: 5 },
  { batch: 7, parts: 3 },
  { batch: 64, parts: 4 },
];

describe.each(Object.values(places))("a batch in parts, on $name", (place) => {
  const backend = opened(place);
  // A shader compiler takes its time: one cell, the sizes that say most, and not inference, which adds up no examples.
  const isGpu = place.target.name !== "wasm";
  it.each(isGpu ? (["bnlstm"] as const) : (["bnlstm", "gru", "lnlstm"] as const))(
    "%s is as in the reference",
    async (file) => {
      const { graph } = elaborated(file === "gru" ? { ...cells.gru_after, place: "hh=batch" } : cells[file]);
      for (const size of place === places.wasm ? sizes : sizes.slice(2)) {
        const study = new Study(graph, { dims, ...size, time: 3 });
        const entries = isGpu ? (["train", "estimate"] as const) : computations;
        const errors = await study.targetErrors(place.target, backend(), entries);
        expect(errors.forward, JSON.stringify(size)).toBeLessThan(tolerance.forward);
        expect(errors.gradient, JSON.stringify(size)).toBeLessThan(tolerance.gradient);
      }
    },
  );
});

it("no kernel holds more of the batch than a part where it adds up examples", () => {
  const { graph } = elaborated(cells.bnlstm);
  const { entries } = new Study(graph, { dims, batch: 64, parts: 4, time: 3 }).lowered;
  for (const { ops } of Object.values(entries)) {
    const every = ops.flatMap((op) => (op.body ? [op, ...op.body.ops] : [op]));
    expect(every.filter((op) => op.op === "sum" && op.attrs.axes.batch && !op.attrs.axes.time)).toEqual([]);
    expect(every.filter((op) => op.op === "partial").length).toBeGreaterThan(0);
  }
});

it("the reference's numbers are those of the whole batch", () => {
  const { graph } = elaborated(cells.bnlstm);
  const whole = new Study(graph, { dims, batch: 7, time: 3 });
  const split = new Study(graph, { dims, batch: 7, time: 3, parts: 3, numbers: whole.numbers });
  for (const entry of ["train", "estimate", "infer"] as const) {
    const expected = whole.reference(entry);
    const found = split.reference(entry);
    expect([...found.keys()].sort()).toEqual([...expected.keys()].sort());
    for (const [key, numbers] of expected)
      numbers.forEach((y, i) => {
        expect(found.get(key)![i], `${entry} ${key}`).toBeCloseTo(y, 10);
      });
  }
});
