/** Steps that are rendered together: as many as have their frames below each other in a layer. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import type { Backend } from "../../../runtime/backend.ts";
import { Session } from "../../../runtime/session.ts";
import { frameShape, stackBits } from "../../../runtime/texture-shape.ts";
import { glsl } from "../../../targets/glsl/target.ts";
import { wasm } from "../../../targets/wasm/target.ts";
import { places } from "../../compile/backends.ts";
import { sample, uniform } from "../../ir/numbers.ts";

const backends: Backend[] = [];
beforeAll(async () => {
  backends.push(await places.wasm.open(), await places.glsl.open());
});
afterAll(() => {
  for (const backend of backends) backend.close();
});

const [B, D, H, T, K] = [96, 8, 1536, 130, 4];

const text = `
cell ind(D, H) {
  param W : [D, H] = xavier
  param u : [H] = uniform(0.5, 0.9)
  input x : [D]
  state h : [H] = 0
  h' = tanh(x @ W + u * h)
  output h'
}
model probe(D = ${D}, H = ${H}, K = ${K}) {
  param V : [H, K] = orthogonal
  input x : [D] over time
  target y : index(K)
  hs = scan ind(D, H) over x
  logits = last(hs) @ V
  output logits
  loss cross_entropy(logits, y)
}
`;

it("go on in the next layer where the first is full", async () => {
  const { rows } = frameShape(B * H, true);
  expect(2 ** stackBits(rows)).toBeLessThan(T);
  expect(2 ** stackBits(rows)).toBeGreaterThan(T / 3);
  const x = Float32Array.from(sample(T * B * D, [-1, 1], uniform(3)));
  const host = { read: () => text, resolve: () => "probe.cell" };
  const [expected, found] = await Promise.all(
    [wasm, glsl].map(async (target, i) => {
      const { executable } = compile("probe.cell", { batch: B, time: T, entries: ["infer"] }, target, host);
      // What the inputs contribute is computed for all steps before the loop.
      if (target === glsl) expect(executable.plan.kernels.some(({ sweeps }) => sweeps)).toBe(true);
      const session = await Session.open(executable, backends[i], { seed: 5 });
      return (await session.infer({ steps: T, examples: B, inputs: { x, y: null } })).outputs.logits;
    }),
  );
  const largest = Math.max(...expected.map(Math.abs));
  expect(largest).toBeGreaterThan(0.01);
  for (const [i, value] of expected.entries()) expect(Math.abs(found[i] - value)).toBeLessThan(1e-5 * largest);
});
