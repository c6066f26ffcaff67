/** What a backward body finds saved, and what it recomputes. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseGraph } from "../../compiler/ir/parse-text.ts";
import type { Bindings } from "../../compiler/ir/tensor.ts";
import type { OpOf } from "../../compiler/ir/types.ts";
import { cheapestChoice, type Implication } from "../../compiler/passes/min-cut.ts";
import { save } from "../../compiler/passes/save.ts";

/** Names of what is saved and of what is recomputed when the backward body uses `needed`. */
function saved(body: string, needed: readonly string[], extents: Bindings = { batch: 64, H: 100 }) {
  const graph = parseGraph(`graph g {
    %W = leaf param "W" orthogonal(gain=1) : f32[H, H]
    %x = leaf input "x" : f32[time, batch, H]
    %u = leaf input "u" : f32[batch, steps, H]
    %h0 = leaf input "h0" : f32[batch, H]
    %last = scan (%h = %h0) over (%xt = %x) {
      ${body}
      yield %next
    } : f32[batch, H]
    result output "y" %last
  }`);
  const scan = graph.ops.find((op): op is OpOf<"scan"> => op.op === "scan")!;
  const values = [...scan.body!.params, ...scan.body!.ops.flatMap((op) => op.results)];
  const named = new Set(needed.map((name) => values.find((v) => v.name === name)!));
  const { kept, again } = save({ body: scan.body!, states: 1, needed: named, extents });
  return {
    kept: [...kept].map((v) => v.name).sort(),
    again: [...again].flatMap((op) => op.results.map((v) => v.name)),
  };
}

describe("save", () => {
  it("keeps a product, which looks across elements", () => {
    const body = "%next = dot %h, %W {k,kn->n} : f32[batch, H]";
    expect(saved(body, ["next"])).toEqual({ kept: ["next"], again: [] });
  });

  it("computes again what a flop or two make of what is kept anyway", () => {
    const body = `%p = dot %h, %W {k,kn->n} : f32[batch, H]
      %q = mul %p, %p : f32[batch, H]
      %r = neg %q : f32[batch, H]
      %next = tanh %r : f32[batch, H]`;
    expect(saved(body, ["p", "q", "r"])).toEqual({ kept: ["p"], again: ["q", "r"] });
  });

  it("keeps what an exponential makes: eight bytes cost less than a dozen flops", () => {
    const body = `%p = dot %h, %W {k,kn->n} : f32[batch, H]
      %q = tanh %p : f32[batch, H]
      %next = add %q, %h : f32[batch, H]`;
    expect(saved(body, ["p", "q"])).toEqual({ kept: ["p", "q"], again: [] });
  });

  it("computes again what has features at each of all steps, of which there are as many as steps", () => {
    const body = `%p = dot %h, %W {k,kn->n} : f32[batch, H]
      %q = add %u, %p : f32[batch, steps, H]
      %r = tanh %q : f32[batch, steps, H]
      %s = sum %r {features=[0]} : f32[batch, H]
      %next = tanh %s : f32[batch, H]`;
    const { kept, again } = saved(body, ["r", "next"], { batch: 64, H: 10, steps: 50 });
    expect(kept).not.toContain("r");
    expect(again).toContain("r");
  });

  it("keeps one value rather than the two that it is made of", () => {
    const body = `%p = dot %h, %W {k,kn->n} : f32[batch, H]
      %q = dot %p, %W {k,kn->n} : f32[batch, H]
      %r = mul %p, %q : f32[batch, H]
      %next = tanh %r : f32[batch, H]`;
    expect(saved(body, ["r"])).toEqual({ kept: ["r"], again: [] });
  });

  it("keeps the one value that two are made of, although neither alone would make it worth while", () => {
    const body = `%p = dot %h, %W {k,kn->n} : f32[batch, H]
      %q = neg %p : f32[batch, H]
      %r = abs %p : f32[batch, H]
      %next = tanh %r : f32[batch, H]`;
    expect(saved(body, ["q", "r"])).toEqual({ kept: ["p"], again: ["q", "r"] });
  });

  it("keeps a column's number and computes the batch's values from it", () => {
    const body = `%m = sum %h {batch} : f32[H]
      %d = mul %h, %m : f32[batch, H]
      %next = tanh %d : f32[batch, H]`;
    expect(saved(body, ["h", "d"])).toEqual({ kept: ["h", "m"], again: ["d"] });
  });

  it("keeps what is centred by a statistic, so that no sum over it is taken apart", () => {
    const body = `%m = sum %h {batch} : f32[H]
      %d = sub %h, %m : f32[batch, H]
      %next = tanh %d : f32[batch, H]`;
    expect(saved(body, ["h", "d"])).toEqual({ kept: ["d", "h"], again: [] });
  });

  it("finds the next state where the state is kept for every step", () => {
    const body = `%p = dot %h, %W {k,kn->n} : f32[batch, H]
      %next = add %p, %xt : f32[batch, H]
      %d = neg %next : f32[batch, H]`;
    expect(saved(body, ["h", "d"])).toEqual({ kept: ["h", "next"], again: ["d"] });
  });

  it("weighs by the sizes it is told: per example or per column is not the same", () => {
    const body = `%m = sum %h {batch} : f32[H]
      %s = sum %h {features=[0], keep} : f32[batch, 1]
      %next = mul %m, %s : f32[batch, H]`;
    expect(saved(body, ["next"], { batch: 64, H: 100 })).toEqual({ kept: ["m", "s"], again: ["next"] });
    expect(saved(body, ["next"], { batch: 1, H: 1 })).toEqual({ kept: ["next"], again: [] });
  });
});

const nodes = 6;
const graphs = fc.array(
  fc.record({
    from: fc.integer({ min: 0, max: nodes - 1 }),
    to: fc.integer({ min: 0, max: nodes - 1 }),
    cost: fc.integer({ min: 0, max: 9 }),
  }),
  { maxLength: 15 },
);

const price = (choice: ReadonlySet<number>, all: readonly Implication<number>[]): number =>
  all.reduce((sum, { from, to, cost }) => sum + (choice.has(from) && !choice.has(to) ? cost : 0), 0);

describe("the cheapest choice", () => {
  it("costs no more than any other, and is the smallest of those", () => {
    fc.assert(
      fc.property(graphs, (all) => {
        const found = cheapestChoice(0, nodes - 1, all);
        for (let bits = 0; bits < 1 << (nodes - 2); bits++) {
          const other = new Set([
            0,
            ...Array.from({ length: nodes - 2 }, (_, i) => i + 1).filter((i) => (bits >> (i - 1)) & 1),
          ]);
          const difference = price(other, all) - price(found, all);
          expect(difference).toBeGreaterThanOrEqual(0);
          if (difference === 0) expect([...found].every((node) => other.has(node))).toBe(true);
        }
      }),
      { seed: 5, numRuns: 300 },
    );
  });

  it("is none where what must hold cannot", () => {
    expect(() => cheapestChoice("a", "b", [{ from: "a", to: "b", cost: Number.POSITIVE_INFINITY }])).toThrow(
      "no choice",
    );
  });
});
