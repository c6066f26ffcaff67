import { expect, it } from "vitest";
import { moments } from "../../compiler/proofs/moments.ts";
import { cellWith, compile } from "../semantics/sources.ts";

const at = (norm: string, before = "") =>
  moments(compile(`${before}${cellWith(`site s = h @ Wh\nplace s : ${norm}`, "tanh(s + x @ Wx)")}`).graph);

it.each([
  ["batch", { statistic: "s/v", is: "variance" }],
  ["batch_renorm", { statistic: "s/s", is: "deviation" }],
])("%s has a mean, and %j about it", (norm, spread) => {
  expect(at(norm)).toEqual([
    { site: "s", statistic: "s/m", is: "mean" },
    { site: "s", ...spread, epsilon: 1e-5, about: "s/m" },
  ]);
});

it("a variance that no ε guards is one all the same, and a second moment that one guards counts as one", () => {
  const own =
    "norm own(x) {\n  stat m = mean(x, over batch)\n  stat v = mean((x - m)^2, over batch)\n  x / (m + v)\n}\n";
  expect(at("own", own)).toEqual([
    { site: "s", statistic: "s/m", is: "mean" },
    { site: "s", statistic: "s/v", is: "variance", about: "s/m" },
  ]);
  const square = "norm square(x) {\n  stat q = mean(x^2, over batch)\n  x * rsqrt(q + 1e-3)\n}\n";
  expect(at("square", square)).toEqual([{ site: "s", statistic: "s/q", is: "variance", epsilon: 1e-3 }]);
});

it("a statistic of another kind is left out, and norms over features have none", () => {
  const most = "norm most(x) {\n  stat a = max(abs(x), over batch)\n  x / a\n}\n";
  expect(at("most", most)).toEqual([]);
  expect(["layer", "rms"].flatMap((norm) => at(norm))).toEqual([]);
});
