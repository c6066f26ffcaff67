/** What only machines with lanes do, on WebGPU as in the reference: tiles, subgroups, sequences longer than a grid. */
import { describe, expect, it } from "vitest";
import { fileHost } from "../../cli/api/file-host.ts";
import { parseGraph } from "../../compiler/ir/parse-text.ts";
import { elaborate } from "../../compiler/semantics/elaborate.ts";
import { wgslWithSubgroups } from "../../targets/wgsl/target.ts";
import { opened, places } from "./backends.ts";
import { Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const product = `graph product {
  %x = leaf input "x" : f32[time, batch, D]
  %W = leaf param "W" constant(0) : f32[D, H]
  %b = leaf param "b" constant(0) : f32[H]
  %p = dot %x, %W {k,ka->a} : f32[time, batch, H]
  %q = add %p, %b : f32[time, batch, H]
  %y = tanh %q : f32[time, batch, H]
  %z = sum %y {batch, time, features=[0]} : f32[]
  result output "y" %y
  result loss "loss" %z
}`;

describe("on WebGPU as in the reference:", () => {
  const backend = opened(places.wgsl);

  it("products in tiles that their extents do not fill, forward and backward", async () => {
    const study = new Study(parseGraph(product), { dims: { D: 19, H: 37 }, batch: 18, time: 3 });
    const { code } = study.compile(places.wgsl.target, ["train"]);
    expect(JSON.stringify(code).match(/var<workgroup> left_tile/g)!.length).toBeGreaterThan(1);
    const errors = await study.targetErrors(places.wgsl.target, backend(), ["train"]);
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(tolerance.gradient);
  });

  it("sums by subgroups: a batch-normalized LSTM, forward and backward", async () => {
    const { graph, dims } = elaborate("examples/cells/bnlstm.cell", fileHost, { dims: { D: 3, H: 4 } });
    const study = new Study(graph, { dims, batch: 40, time: 2 });
    const { plan, code } = study.compile(wgslWithSubgroups, ["train"]);
    expect(plan.features).toEqual(["subgroups"]);
    expect(JSON.stringify(code)).toContain("subgroupAdd");
    const errors = await study.targetErrors(wgslWithSubgroups, backend(), ["train"]);
    expect(errors.forward).toBeLessThan(tolerance.forward);
    expect(errors.gradient).toBeLessThan(tolerance.gradient);
  });

  it("a sequence longer than a grid may be, in pieces", async () => {
    const graph = parseGraph(`graph long {
      %x = leaf input "x" : f32[time, batch, D]
      %y = tanh %x : f32[time, batch, D]
      result output "y" %y
    }`);
    const study = new Study(graph, { dims: { D: 1 }, batch: 1, time: places.wgsl.target.machine.maxGrid + 9 });
    const errors = await study.targetErrors(places.wgsl.target, backend(), ["infer"]);
    expect(errors.forward).toBeLessThan(tolerance.forward);
  });
});
