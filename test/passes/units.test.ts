import { expect, it } from "vitest";
import { parseGraph } from "../../compiler/ir/parse-text.ts";
import { printGraph } from "../../compiler/ir/text.ts";
import { verify } from "../../compiler/ir/verify.ts";
import { simplify } from "../../compiler/passes/simplify.ts";
import { units } from "../../compiler/passes/units.ts";
import { expectSameMeaning, numbersFor } from "./meaning.ts";

const dims = { batch: 3, time: 2, D: 1, H: 4, steps: 2 };
const graph = parseGraph(`graph one {
  %x = leaf input "x" : f32[time, batch, D]
  %s = leaf input "s" : f32[batch, H]
  %W = leaf param "W" orthogonal(gain=1) : f32[D, D*H]
  %W2 = leaf param "W2" orthogonal(gain=1) : f32[D + H, H]
  %n = const 2 * [D, H] : f32[]
  %y = dot %x, %W {k,kn->n} : f32[time, batch, D*H]
  %s_last = scan (%h = %s) over (%xt = %y) {
    %wide = broadcast %xt : f32[batch, D*H]
    %flat = reshape %wide {shape=[H]} : f32[batch, H]
    %h_next = mul %h, %flat : f32[batch, H]
    yield %h_next
  } : f32[batch, H]
  %z = mul %s_last, %n : f32[batch, H]
  %top, %rest = cut %W2 {axis=0, widths=[D, H]} : f32[D, H], f32[H, H]
  result output "y" %y
  result output "z" %z
  result output "top" %top
  result output "rest" %rest
}`);

it("a dimension that is 1 is written so, wherever it stands, and nothing changes its meaning", () => {
  const after = units(dims).run(graph);
  verify(after);
  expect(printGraph(after)).not.toMatch(/\bD\b/);
  expectSameMeaning(graph, after, dims, numbersFor(graph, dims));
});

it("a product over one feature is none any more", () => {
  expect(printGraph(graph)).toMatch(/dot/);
  expect(printGraph(simplify.run(units(dims).run(graph)))).not.toMatch(/dot/);
});

it("a graph without such a dimension stays itself", () => {
  expect(units({ ...dims, D: 2 }).run(graph)).toBe(graph);
});
