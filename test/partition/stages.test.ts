/** What one kernel computes between barriers, and what it keeps for later. */
import { describe, expect, it } from "vitest";
import { isView } from "../../compiler/ir/ops.ts";
import { parseGraph } from "../../compiler/ir/parse-text.ts";
import type { Value } from "../../compiler/ir/types.ts";
import { stages } from "../../compiler/partition/stages.ts";
import { definitions } from "../../compiler/passes/rewrite.ts";
import type { Target } from "../../compiler/target.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { wgsl } from "../../targets/wgsl/target.ts";

/** The stages of these ops as one kernel, by the names of their values, and which values are stored. */
function staged(
  ops: string,
  options: { readonly exported?: readonly string[]; readonly on?: Pick<Target, "machine"> } = {},
) {
  const graph = parseGraph(`graph g {
    %x = leaf input "x" : f32[batch, H]
    %W = leaf param "W" orthogonal(gain=1) : f32[H, H]
    ${ops}
    result output "y" %y
  }`);
  const computed = graph.ops.filter((op) => !isView(op));
  const named = (v: Value): string => v.name;
  const exported = new Set(computed.flatMap((op) => op.results).filter((v) => options.exported?.includes(v.name)));
  const plan = stages(computed, definitions(graph.ops), exported, (options.on ?? wgsl).machine);
  return {
    stages: plan.stages.map((s) =>
      s
        .flatMap((op) => op.results)
        .map(named)
        .join(" "),
    ),
    stored: [...plan.stored].map(named),
  };
}

const variance = `
  %m = sum %x {batch} : f32[H]
  %d = sub %x, %m : f32[batch, H]
  %q = square %d : f32[batch, H]
  %v = sum %q {batch} : f32[H]
  %y = mul %d, %v : f32[batch, H]`;

describe("stages", () => {
  it("make one of elementwise ops, which are computed where they are used", () => {
    const ops = "%a = tanh %x : f32[batch, H]\n%y = exp %a : f32[batch, H]";
    expect(staged(ops, { exported: ["y"] })).toEqual({ stages: ["a y"], stored: [] });
  });

  it("end with every sum: the mean, then the variance of what is centred, then what is normalized", () => {
    expect(staged(variance, { exported: ["y"] }).stages).toEqual(["m", "d q v", "y"]);
  });

  it("compute cheap values again rather than storing them", () => {
    expect(staged(variance, { exported: ["y"] }).stored).toEqual([]);
  });

  it("store what is expensive and used later, too", () => {
    const ops = `
      %a = tanh %x : f32[batch, H]
      %t = sum %a {batch} : f32[H]
      %y = mul %a, %t : f32[batch, H]`;
    expect(staged(ops, { exported: ["y"] })).toEqual({ stages: ["a", "t", "y"], stored: ["a"] });
  });

  it("sum over a value that must be stored only after it is stored", () => {
    const ops = `
      %p = dot %x, %W {k,kn->n} : f32[batch, H]
      %a = tanh %p : f32[batch, H]
      %q = neg %a : f32[batch, H]
      %y = sum %q {batch} : f32[H]`;
    expect(staged(ops, { exported: ["a", "y"] }).stages).toEqual(["p a q", "y"]);
  });

  it("give a product loops of its own where products are not computed in place", () => {
    const ops = "%p = dot %x, %W {k,kn->n} : f32[batch, H]\n%y = tanh %p : f32[batch, H]";
    expect(staged(ops, { exported: ["y"] }).stages).toEqual(["p y"]);
    expect(staged(ops, { exported: ["y"], on: wasm }).stages).toEqual(["p", "y"]);
  });

  it("wait for a whole row before a product with it", () => {
    const ops = "%a = neg %x : f32[batch, H]\n%y = dot %a, %W {k,kn->n} : f32[batch, H]";
    expect(staged(ops, { exported: ["y"] })).toEqual({ stages: ["a", "y"], stored: ["a"] });
  });

  it("are found in time where values behind a sum meet again along 2^60 paths", () => {
    const doubled = Array.from({ length: 60 }, (_, k) => `%a${k + 1} = add %a${k}, %a${k} : f32[batch, H]`).join("\n");
    const graph = parseGraph(`graph g {
      %a0 = leaf input "x" : f32[batch, H]
      ${doubled}
      %y = sum %a60 {batch} : f32[H]
      result output "y" %y
    }`);
    const sum = graph.ops.slice(-1);
    expect(stages(sum, definitions(graph.ops), new Set(), wgsl.machine).stages).toEqual([sum]);
  });
});
