/** Which ops share a kernel, and who owns what in it. */
import { describe, expect, it } from "vitest";
import { parseGraph } from "../../compiler/ir/parse-text.ts";
import type { OpOf } from "../../compiler/ir/types.ts";
import type { Machine } from "../../compiler/machine.ts";
import { fuse } from "../../compiler/partition/fusion.ts";
import { materialise } from "../../compiler/passes/materialise.ts";
import { definitions } from "../../compiler/passes/rewrite.ts";
import { wgsl } from "../../targets/wgsl/target.ts";

const leaves = `
  %x = leaf input "x" : f32[batch, H]
  %s = leaf input "s" : f32[time, batch, H]
  %W = leaf param "W" orthogonal(gain=1) : f32[H, H]
  %g = leaf param "g" constant(1) : f32[H]
  %i = leaf index "i" size=H : index(H)[batch]
  %n = const 1 * [batch] : f32[]
`;

/** The kernels that `%y` of these ops takes, `owner: op op …` each. Of a scan, those of its body, indented. */
function kernels(ops: string, machine: Machine = wgsl.machine): readonly string[] {
  const graph = materialise().run(parseGraph(`graph g {${leaves}${ops}\nresult output "y" %y }`));
  const defs = definitions(graph.ops);
  const results = graph.results.map(({ value }) => value);
  return fuse({ ops: graph.ops, results, defs, machine }).groups.flatMap((g) => {
    if (!("scan" in g)) return [`${g.owners[0]}: ${g.ops.map((op) => op.op).join(" ")}`];
    const body = fuse({ ...(g.scan as OpOf<"scan">).body!, defs, machine });
    return body.groups.map((k) => ("scan" in k ? "scan" : `  ${k.owners[0]}: ${k.ops.map((op) => op.op).join(" ")}`));
  });
}

describe("one kernel", () => {
  it("computes elementwise ops on single elements", () => {
    expect(kernels("%a = tanh %x : f32[batch, H]\n%y = mul %a, %g : f32[batch, H]")).toEqual(["element: tanh mul"]);
  });

  it("owns columns for a product, its sums over examples and what is made of them", () => {
    const ops = `
      %xh = dot %x, %W {k,kn->n} : f32[batch, H]
      %t = sum %xh {batch} : f32[H]
      %m = div %t, %n : f32[H]
      %y = sub %xh, %m : f32[batch, H]`;
    expect(kernels(ops)).toEqual(["column: dot sum div sub"]);
  });

  it("owns rows for a product, its sums over features, what is made of them and a second product", () => {
    const ops = `
      %xh = dot %x, %W {k,kn->n} : f32[batch, H]
      %t = sum %xh {features=[0], keep} : f32[batch, 1]
      %a = sub %xh, %t : f32[batch, H]
      %y = dot %a, %W {k,kn->n} : f32[batch, H]`;
    expect(kernels(ops)).toEqual(["row: dot sum sub dot"]);
  });

  it("owns columns for all steps where it sums over examples and steps at once", () => {
    const ops = `
      %a = mul %s, %g : f32[time, batch, H]
      %y = sum %a {batch, time} : f32[H]`;
    expect(kernels(ops)).toEqual(["steps: mul sum"]);
  });

  it("leaves a small sum over steps to a kernel of its own, and what does not read it to the first", () => {
    const ops = `
      %a = mul %s, %g : f32[time, batch, H]
      %t = sum %a {batch} : f32[time, H]
      %y = sum %t {time} : f32[H]
      %u = mul %t, %t : f32[time, H]
      %b = sub %a, %u : f32[time, batch, H]
      %z = add %y, %g : f32[H]`;
    expect(kernels(ops)).toEqual(["column: mul sum mul sub", "steps: sum add"]);
  });

  it("owns everything for a sum over everything and the scalars made of it", () => {
    const ops = `
      %a = sum %x {batch, features=[0]} : f32[]
      %y = div %a, %n : f32[]`;
    expect(kernels(ops)).toEqual(["whole: sum div"]);
  });
});

describe("a second kernel", () => {
  it("starts where a product needs the columns of others", () => {
    const ops = `
      %t = sum %x {batch} : f32[H]
      %a = sub %x, %t : f32[batch, H]
      %y = dot %a, %W {k,kn->n} : f32[batch, H]`;
    expect(kernels(ops)).toEqual(["column: sum sub", "element: dot"]);
  });

  it("starts where rows follow columns", () => {
    const ops = `
      %t = sum %x {batch} : f32[H]
      %a = sub %x, %t : f32[batch, H]
      %u = sum %a {features=[0], keep} : f32[batch, 1]
      %y = mul %a, %u : f32[batch, H]`;
    expect(kernels(ops)).toEqual(["column: sum sub", "row: sum mul"]);
  });

  it("starts where the elements of other workgroups are moved about", () => {
    const ops = `
      %a = tanh %W : f32[H, H]
      %t = transpose %a {permutation=[1, 0]} : f32[H, H]
      %y = exp %t : f32[H, H]`;
    expect(kernels(ops)).toEqual(["element: tanh", "element: exp"]);
  });

  it("starts where rows of a table just made are looked up", () => {
    const ops = `
      %a = tanh %W : f32[H, H]
      %y = gather %a, %i : f32[batch, H]`;
    expect(kernels(ops)).toEqual(["element: tanh", "element: gather"]);
  });

  it("starts after a loop, whose body has kernels of its own", () => {
    const ops = `
      %y = scan (%h = %x) over (%st = %s) {
        %hh = dot %h, %W {k,kn->n} : f32[batch, H]
        %a = add %hh, %st : f32[batch, H]
        %h_next = tanh %a : f32[batch, H]
        yield %h_next
      } : f32[batch, H]`;
    expect(kernels(ops)).toEqual(["element: copy", "  element: dot add tanh", "element: copy"]);
  });
});
