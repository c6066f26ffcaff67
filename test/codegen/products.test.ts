/** Products in register blocks: every shape of a block, packed or not, computes what the reference does. */
import { expect, it } from "vitest";
import { parseGraph } from "../../compiler/ir/parse-text.ts";
import { machine } from "../../targets/wasm/machine.ts";
import { numbersFor } from "../passes/meaning.ts";
import { expectComputed } from "./expect-computed.ts";

const compare = (text: string, dims: Readonly<Record<string, number>>, on = machine) => {
  const graph = parseGraph(`graph products {\n${text}\n}`);
  return expectComputed(graph, graph, { dims, leaves: numbersFor(graph, dims) }, on);
};

const gates = (n: number): string => `
  %x = leaf input "x" : f32[batch, D]
  ${Array.from({ length: n }, (_, i) => `%W${i} = leaf param "W${i}" orthogonal(gain=1) : f32[D, H]`).join("\n")}
  ${Array.from({ length: n }, (_, i) => `%y${i} = dot %x, %W${i} {k,kn->n} : f32[batch, H]`).join("\n")}
  ${Array.from({ length: n }, (_, i) => `result output "y${i}" %y${i}`).join("\n")}`;

const extents = [16, 19, 64].flatMap((batch) => [1, 7, 12, 100].map((H) => ({ batch, H, D: 9, time: 1 })));

it.each(extents)("one to five products with a common left side, packed: %o", (dims) => {
  for (const n of [1, 2, 3, 4, 5]) {
    const kernels = compare(gates(n), dims);
    expect(kernels.some((k) => k.tiles.length > 0)).toBe(true);
  }
});

it.each([1, 2, 7, 15])("%i examples: products over all steps take a block of steps at once", (batch) => {
  for (const [time, H] of [
    [1, 12],
    [31, 77],
    [70, 20],
  ]) {
    const kernels = compare(
      `%x = leaf input "x" : f32[time, batch, D]
       %W = leaf param "W" orthogonal(gain=1) : f32[D, H]
       %b = leaf param "b" constant(0) : f32[H]
       %y = dot %x, %W {k,kn->n} : f32[time, batch, H]
       %z = add %y, %b : f32[time, batch, H]
       result output "z" %z`,
      { batch, H, D: 9, time },
    );
    expect(kernels.some((k) => k.tiles.length > 0)).toBe(true);
  }
});

it("a packed product deeper than a panel is added up in pieces", () => {
  // 800 = 300 + 300 + 200 rounds would not fill a panel alike; 1031 is prime, so that a piece is left over.
  for (const D of [800, 1031]) compare(gates(1), { batch: 16, H: 20, D, time: 1 });
});

it.each([1, 2, 3, 5, 7, 15])(
  "%i examples are too few to pack for, whatever is left of blocks as wide as they fit",
  (batch) => {
    for (const H of [3, 20, 28, 40, 52, 64, 77, 100, 127]) {
      const kernels = compare(gates(H === 77 ? 4 : 1), { batch, H, D: 9, time: 1 });
      expect(kernels.every((k) => k.tiles.length === 0)).toBe(true);
    }
  },
);

it.each([16, 40])("a weight's gradient, over %i examples and all steps", (batch) => {
  for (const [D, H] of [
    [3, 8],
    [17, 70],
    [60, 40],
  ])
    compare(
      `%x = leaf input "x" : f32[time, batch, D]
       %dy = leaf input "dy" : f32[time, batch, H]
       %dW = dot %dy, %x {n,k->kn; batch; time} : f32[D, H]
       result output "dW" %dW`,
      { batch, D, H, time: 19 },
    );
});

it("a weight's gradient of more rows than are copied at a time, with some left over", () => {
  const small = { ...machine, tileBytes: 2048 };
  for (const batch of [16, 40]) {
    const kernels = compare(
      `%x = leaf input "x" : f32[time, batch, D]
       %dy = leaf input "dy" : f32[time, batch, H]
       %dW = dot %x, %dy {k,n->kn; batch; time} : f32[D, H]
       result output "dW" %dW`,
      { batch, D: 301, H: 20, time: 3 },
      small,
    );
    expect(JSON.stringify(kernels[0].body)).toMatch(/"step":2\d\d\b/);
  }
});

it.each([
  [13, false],
  [400, true],
])("a product with a transposed weight of %i rows, packed where it is wide: %s", (D, packed) => {
  const kernels = compare(
    `%x = leaf input "x" : f32[batch, H]
     %W = leaf param "W" orthogonal(gain=1) : f32[D, H]
     %y = dot %x, %W {n,kn->k} : f32[batch, D]
     result output "y" %y`,
    { batch: 18, D, H: 22, time: 1 },
  );
  expect(kernels.some((k) => k.tiles.length > 0)).toBe(packed);
});

it("a product in every head", () => {
  compare(
    `%x = leaf input "x" : f32[batch, D, H]
     %W = leaf param "W" orthogonal(gain=1) : f32[D, H, 12]
     %y = dot %x, %W {hk,hkn->hn} : f32[batch, D, 12]
     result output "y" %y`,
    { batch: 18, D: 3, H: 22, time: 1 },
  );
});
