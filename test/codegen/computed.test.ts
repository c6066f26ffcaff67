/** Graphs through the whole compiler, as Kernel IR means them: what kernels compute is what the reference does. */

import * as fc from "fast-check";
import { describe, it } from "vitest";
import { parseGraph } from "../../compiler/ir/parse-text.ts";
import type { Op } from "../../compiler/ir/types.ts";
import { lower } from "../../compiler/lower.ts";
import { machine as glsl } from "../../targets/glsl/machine.ts";
import { machine as wasm } from "../../targets/wasm/machine.ts";
import { machine as wgsl } from "../../targets/wgsl/machine.ts";
import { randomGraphs } from "../ir/random-graph.ts";
import { numbersFor } from "../passes/meaning.ts";
import { expectComputed } from "./expect-computed.ts";

const hasMaximum = (op: Op): boolean => op.op === "maximum" || (op.body?.ops.some(hasMaximum) ?? false);

/** What once went wrong. */
const regressions: readonly (readonly [string, string])[] = [
  [
    "an output that is also a part of another output",
    `%x = leaf input "x" : f32[batch, H]
     %a = tanh %x : f32[batch, H]
     %both = concat %a, %a {axis=0} : f32[batch, 2H]
     result output "both" %both
     result output "a" %a`,
  ],
  [
    "an output of a loop that is also a part of another",
    `%x = leaf input "x" : f32[time, batch, H]
     %h = leaf input "h" : f32[batch, H]
     %h_last, %both, %a = scan (%s = %h) over (%xt = %x) {
       %at = mul %s, %xt : f32[batch, H]
       %joined = concat %at, %at {axis=0} : f32[batch, 2H]
       %s_next = tanh %at : f32[batch, H]
       yield %s_next; %joined, %at
     } : f32[batch, H], f32[time, batch, 2H], f32[time, batch, H]
     result output "both" %both
     result output "a" %a`,
  ],
  [
    "a product with the last row of a statistic",
    `%p = leaf population "p" per_step(S) : f32[time, H]
     %W = leaf param "W" orthogonal(gain=1) : f32[H, D]
     %last = at %p {step=last} : f32[H]
     %y = dot %last, %W {k,kn->n} : f32[D]
     result output "y" %y`,
  ],
  [
    "a value that each step of a loop reads, and one like it that each step makes",
    `%h = leaf input "h" : f32[batch, H]
     %W = leaf param "W" orthogonal(gain=1) : f32[H, H]
     %same = dot %h, %W {k,kn->n} : f32[batch, H]
     %a_last, %b_last = scan (%a = %h, %b = %h) {
       %n = neg %b : f32[batch, H]
       %m = add %same, %a : f32[batch, H]
       %d = dot %n, %W {k,kn->n} : f32[batch, H]
       %a_next = tanh %m : f32[batch, H]
       %b_next = tanh %d : f32[batch, H]
       yield %a_next, %b_next
     } : f32[batch, H], f32[batch, H]
     result output "a" %a_last
     result output "b" %b_last`,
  ],
  [
    "sums over axes of extent 1, and products over axes that neither side has",
    `%g = leaf param "g" constant(1) : f32[H]
     %W = leaf param "W" orthogonal(gain=1) : f32[H, 1]
     %a = dot %g, %W {k,kn->n; batch; time} : f32[1]
     %y = sum %a {features=[0]} : f32[]
     result output "a" %a
     result output "y" %y`,
  ],
];

describe.each([
  ["WebAssembly", wasm],
  ["WebGPU", wgsl],
  ["WebGL2", glsl],
])("kernels for %s compute", (_, machine) => {
  it.each(regressions)("%s", (_name, text) => {
    const { placed, entries } = lower(parseGraph(`graph small { ${text} }`));
    const dims = { batch: 3, time: 4, S: 4, H: 5, D: 6 };
    expectComputed(entries.infer, placed, { dims, leaves: numbersFor(placed, dims) }, machine);
  });

  it("random graphs for inference", () => {
    fc.assert(
      fc.property(randomGraphs, (random) => {
        const { placed, entries } = lower(random.graph);
        expectComputed(entries.infer, placed, random, machine);
      }),
      { seed: 21, numRuns: 40 },
    );
  });

  it("random graphs for training, with their gradients", () => {
    fc.assert(
      fc.property(randomGraphs, (random) => {
        // Kernel IR's meaning rounds where it stores: the largest entry, stored, equals none of those it is looked for among.
        fc.pre(!random.graph.ops.some(hasMaximum));
        const { placed, entries } = lower(random.graph, { inputGradients: true });
        expectComputed(entries.train, placed, random, machine);
      }),
      { seed: 22, numRuns: 40 },
    );
  });
});
