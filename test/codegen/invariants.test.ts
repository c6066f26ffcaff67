/** What does not vary in a loop is computed before it. */
import { expect, it } from "vitest";
import { parseGraph } from "../../compiler/ir/parse-text.ts";
import { variablesIn } from "../../compiler/kernel-ir/equality.ts";
import { eachStmt, expressionsOf } from "../../compiler/kernel-ir/walk.ts";
import type { Machine } from "../../compiler/machine.ts";
import { machine as wasm } from "../../targets/wasm/machine.ts";
import { machine as wgsl } from "../../targets/wgsl/machine.ts";
import { numbersFor } from "../passes/meaning.ts";
import { expectComputed } from "./expect-computed.ts";

const cases: readonly (readonly [what: string, machine: Machine, ops: string])[] = [
  [
    "a factor of each example",
    wasm,
    `%c = leaf input "c" : f32[batch, 1]
     %p = mul %x, %c : f32[batch, H]
     %y = sum %p {features=[0]} : f32[batch]`,
  ],
  [
    "an operand of a product without the axis that is summed over",
    wgsl,
    `%W = leaf param "W" orthogonal(gain=1) : f32[D]
     %y = dot %x, %W {k,n->n} : f32[batch, D]`,
  ],
];

it.each(cases)("%s is read before the loop of a sum", (_, machine, ops) => {
  const graph = parseGraph(`graph invariant {
    %x = leaf input "x" : f32[batch, H]
    ${ops}
    result output "y" %y
  }`);
  const dims = { batch: 20, D: 3, H: 5, time: 1 };
  const kernels = expectComputed(graph, graph, { dims, leaves: numbersFor(graph, dims) }, machine);
  let loops = 0;
  eachStmt(kernels[0].body, (loop) => {
    if (loop.s !== "for" || !loop.name.startsWith("k")) return;
    loops++;
    eachStmt(loop.body, (s) => {
      for (const e of expressionsOf(s)) if (e.k === "load") expect([...variablesIn(e)]).toContain(loop.name);
    });
  });
  expect(loops).toBeGreaterThan(0);
});
