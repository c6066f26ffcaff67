/** `and`, `or` and `not` in a loop, on every target: in training and inference, of sequences of one length and of several. */
import { describe, expect, it } from "vitest";
import { compile } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const { graph, dims } = compile(`cell c(D = 3, H = 4) {
  param Wx : [D, H] = xavier
  param Wh : [H, H] = orthogonal
  input x : [D]
  state h : [H] = 0.1
  a = h @ Wh + x @ Wx
  open = a > 0 and h < 0.3 or not (a > -0.2)
  h' = where(open, tanh(a), 0.9 * h) + 0.1 * (open and a < 0.5)
  output h'
}
model m(D = 3, H = 4, K = 3) {
  input x : [D] over time
  input i : index(K)
  target y : index(K)
  hs = scan c(D, H) over x
  output hs
  loss where(i == y and not (y == argmax(last(hs)[:K])), mse(last(hs), 0.5), mean(square(last(hs)), over feature))
}
`);

describe.each([undefined, [5, 2, 4]])("of sequences of lengths %s", (lengths) => {
  const study = new Study(graph, { dims, batch: 3, time: 5, seed: 4, lengths });

  it("have the gradients of differences", () => {
    expect(study.directionError()).toBeLessThan(tolerance.differences);
  });

  describe.each([places.wasm, places.wgsl, places.glsl])("on $name", (place) => {
    const backend = opened(place);

    it("choose what the reference chooses", async () => {
      const errors = await study.targetErrors(place.target, backend());
      expect(errors.forward).toBeLessThan(tolerance.forward);
      expect(errors.gradient).toBeLessThan(tolerance.gradient);
    });
  });
});
