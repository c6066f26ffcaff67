/** Which steps may be combined where a model has several time axes, and what is refused with both places. */
import { describe, expect, it } from "vitest";
import { axesOfInputs } from "../../compiler/ir/time-axes.ts";
import { codes, compile, problemsOf } from "./sources.ts";

const text = (body: string): string => `cell reads(D = 2) {
  input x : [D]
  input source : [D] over time
  state h : [D] = 0
  state cov : [] over time = 0
  a = softmax(source @ h, over time)
  cov' = cov + a
  h' = tanh(x + h + sum(a * source, over time))
  output h', cov'
}
cell both(D = 2) {
  input one : [D] over time
  input other : [D] over time
  input x : [D]
  state h : [D] = 0
  h' = tanh(x + h + mean(one, over time) + mean(other, over time))
  output h'
}
cell rnn(D = 2) {
  input x : [D]
  state h : [D] = 0
  h' = tanh(x + h * step())
  output h'
}
model m(D = 2) {
  input a : [D] over time s
  input b : [D] over time
  ${body}
}`;

describe("steps of two time axes", () => {
  it.each([
    ["output last(a + delay(b, 1))", "this combines steps of different time axes, `s` and `time`"],
    ["n = step()\n  output last(a * n) + last(b * n)", "this combines steps of different time axes, `time` and `s`"],
    [
      "output mean(whole(a) * whole(b), over (whole, feature))",
      "this combines steps of different time axes, `s` and `time`",
    ],
    [
      "h, cov = scan reads(D) over b, a\n  output h, mean(cov * sum(whole(b), over feature), over whole)",
      "this combines steps of different time axes, `s` and `time`",
    ],
    ["h = scan rnn(D) over a\n  output cumsum(h) + cumsum(b)", /`s` and `time`/],
    [
      "h = scan both(D) over a, b, b\n  output h",
      "this cell reads whole sequences of different time axes, `s` and `time`",
    ],
  ])("%s", (body, message) => {
    const found = problemsOf(text(body)).filter((d) => d.severity === "error");
    expect(codes(found)).toEqual(["C0240"]);
    expect(found[0].message).toMatch(message);
    expect(found[0].notes?.length).toBeGreaterThan(0);
  });

  it.each([
    "h, cov = scan reads(D) over b, a\n  output h, cov",
    "h, cov = scan reads(D) over a, b reverse\n  output h, cov",
    "h = scan rnn(D) over b from h = last(delay(a, 1))\n  output h",
    "h = scan rnn(D) over a reverse\n  output h, last(b, 2)",
    "p = a * step()\n  q = b * step()\n  output p, q, last(a) * steps()",
    "e = whole(a) @ b\n  output softmax(e, over whole) @ whole(a)",
    "h = scan both(D) over a, a, b\n  output h",
  ])("%s is right", (body) => {
    expect(axesOfInputs(compile(text(body)).graph)).toEqual(new Set(["s", undefined]));
  });
});
