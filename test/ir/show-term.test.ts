/** Values written as a reader of a cell would write them. */
import { expect, it } from "vitest";
import { parseGraph } from "../../compiler/ir/parse-text.ts";
import { originsOf, showOp } from "../../compiler/ir/show-term.ts";
import type { OpOf } from "../../compiler/ir/types.ts";
import { definitions } from "../../compiler/passes/rewrite.ts";

/** What `ops` end in: the next value of `h`, from `h`, a step `x` of `xs`, and a step `91` of what has no name. */
function shown(ops: string, last: string): string {
  const { ops: all } = parseGraph(`graph g {
  %W = leaf param "W" constant(1) : f32[H, H]
  %xs = leaf input "x" : f32[time, batch, H]
  %first = leaf input "first" : f32[batch, H]
  %one = const 1 : f32[]
  %90 = sigmoid %xs : f32[time, batch, H]
  %h = scan (%h.1 = %first) over (%x = %xs, %91 = %90) {
    ${ops.split("\n").join("\n    ")}
    yield ${last}
  } : f32[batch, H]
  result output "h" %h
}
`);
  const scan = all.find((op): op is OpOf<"scan"> => op.op === "scan")!;
  return showOp(scan.body!.ops.at(-1)!, originsOf(scan, definitions(all)));
}

it.each([
  ["x - (x - h)", "%1 = sub %x, %h.1 : f32[batch, H]\n%2 = sub %x, %1 : f32[batch, H]", "%2"],
  ["x - h - x", "%1 = sub %x, %h.1 : f32[batch, H]\n%2 = sub %1, %x : f32[batch, H]", "%2"],
  ["(x + h) * (x + h)", "%1 = add %x, %h.1 : f32[batch, H]\n%2 = mul %1, %1 : f32[batch, H]", "%2"],
  ["-(x * h)", "%1 = mul %x, %h.1 : f32[batch, H]\n%2 = neg %1 : f32[batch, H]", "%2"],
  ["x / (x / h)", "%1 = div %x, %h.1 : f32[batch, H]\n%2 = div %x, %1 : f32[batch, H]", "%2"],
  ["tanh(h * sigmoid(xs))", "%1 = mul %h.1, %91 : f32[batch, H]\n%2 = tanh %1 : f32[batch, H]", "%2"],
  ["h @ W + x", "%1 = dot %h.1, %W {k,ka->a} : f32[batch, H]\n%2 = add %1, %x : f32[batch, H]", "%2"],
  ["max(z', x)", "%z_next = neg %h.1 : f32[batch, H]\n%2 = max %z_next, %x : f32[batch, H]", "%2"],
])("%s", (text, ops, last) => {
  expect(shown(ops, last)).toBe(text);
});

it("a long chain of values without names ends in dots", () => {
  const chain = Array.from({ length: 9 }, (_, i) => `%${i + 1} = tanh %${i === 0 ? "h.1" : i} : f32[batch, H]`);
  expect(shown(chain.join("\n"), "%9")).toBe("tanh(tanh(tanh(tanh(tanh(…)))))");
});
