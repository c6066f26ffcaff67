import { expect, it } from "vitest";
import type { Allocation, Buffer } from "../../compiler/buffers/layout.ts";
import { equalDistances } from "../../compiler/codegen/matmul/repeated-products.ts";
import type { ProductInMemory } from "../../compiler/codegen/matmul/strided-product.ts";
import { matrixProduct } from "../../compiler/ir/contraction-axes.ts";
import { parseGraph } from "../../compiler/ir/parse-text.ts";

const graph = parseGraph(`graph g {
  %x = leaf input "x" : f32[batch, D]
  %W = leaf param "W" orthogonal(gain=1) : f32[D, H]
  %y = dot %x, %W {k,kn->n} : f32[batch, H]
  result output "y" %y
}`);
const [product] = graph.ops.flatMap((op) => (op.op === "dot" ? [matrixProduct(op)!] : []));

const buffer = (region: Buffer["region"], offset: number, time = false): Buffer => ({
  ...{ region, offset, time, span: "sequence", size: 1000 },
});
const weights = buffer("param", 64);
const at = (of: Buffer, start: number, batch = 20): Allocation => ({
  ...{ buffer: of, start, frame: { kind: "shifted", by: 0 }, batch, strides: [1] },
});
const place = (right: number, ...targets: readonly Allocation[]): ProductInMemory => ({
  ...{ product, left: at(buffer("input", 0), 0), right: at(weights, right), targets },
});
const work = (offset: number): Allocation => at(buffer("work", offset), 0);

it("products at equal distances can be a loop", () => {
  const products = [0, 1, 2].map((n) => place(20 * n, work(100 * n), work(1000 + 50 * n)));
  expect(equalDistances(products)).toEqual({ right: 20, targets: [100, 50] });
});

it("products that differ in more than equal distances cannot", () => {
  const first = place(0, work(0));
  const framed = (offset: number): Allocation => at(buffer("work", offset, true), 0);
  for (const others of [
    [place(20, work(100)), place(50, work(200))],
    [place(20, work(100)), place(40, work(150))],
    // A result that is stored in one place more, whichever it is of.
    [place(20, work(100), work(500))],
    [place(20, work(100)), place(40, work(200), work(500))],
    [place(20, at(buffer("work", 100), 0, 32))],
    [place(20, at(buffer("grad", 100), 0))],
  ])
    expect(equalDistances([first, ...others])).toBeUndefined();
  expect(equalDistances([place(0, work(0), work(500)), place(20, work(100))])).toBeUndefined();
  // Where the frames of two buffers begin is not known here.
  expect(equalDistances([place(0, framed(0)), place(20, framed(100))])).toBeUndefined();
});
