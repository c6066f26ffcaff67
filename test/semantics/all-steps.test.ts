/** Inputs of a cell that are whole sequences, and `whole(xs)` in a model. */

import { describe, expect, it } from "vitest";
import * as dim from "../../compiler/ir/dim.ts";
import { printGraph } from "../../compiler/ir/text.ts";
import { compile, problemsOf, valueNamed } from "./sources.ts";

const cell = (body: string, params = ""): string => `cell c(S = 4, H = 3, A = 2) {
  param U : [S, A] = xavier
  param W : [H, A] = xavier
  param v : [A] = 1
  ${params}
  input x : [H]
  input source : [S] over time
  state h : [H] = 0
  ${body}
}`;

const model = (body: string): string => `model m(D = 3, A = 2) {
  param W : [D, A] = xavier
  input x : [D] over time
  ${body}
}`;

const said = (text: string): readonly string[] =>
  problemsOf(text)
    .filter(({ severity }) => severity === "error")
    .map(({ code, message }) => `${code} ${message}`);

const help = (text: string): string | undefined => problemsOf(text).find(({ severity }) => severity === "error")?.help;

/** The feature shape of the value `a`. */
const shapeOf = (text: string): string => valueNamed(compile(text).graph, "a").type.shape.map(dim.show).join(", ");

describe("a value with all steps of a sequence", () => {
  it.each([
    ["a = source @ U", "steps, A"],
    ["a = tanh(source @ U + h @ W)", "steps, A"],
    ["a = tanh(h @ W + source @ U)", "steps, A"],
    ["a = source @ U @ v", "steps"],
    ["a = (U @ v) @ source", "steps"],
    ["a = (source @ U @ v) * source", "steps, S"],
    ["a = (source @ U @ v) + h", "steps, H"],
    ["a = (source @ U @ v) - (source @ U) @ v", "steps"],
    ["a = sum(source, over time)", "S"],
    ["a = sum(source, over feature)", "steps"],
    ["a = sum(source, over last)", "steps, 1"],
    ["a = sum(reshape(source, [2, S / 2]), over first)", "steps, 1, S/2"],
    ["a = max(source, over (time, feature))", ""],
    ["a = mean(source, over (time, last))", "1"],
    ["a = softmax(source @ U, over time)", "steps, A"],
    ["a = softmax(source @ U @ v, over time) @ source", "S"],
    ["a = concat(source, h)", "steps, H + S"],
    ["a = split(source, 2)[0]", "steps, S/2"],
    ["a = transpose(reshape(source, [2, S / 2]))", "steps, S/2, 2"],
    ["a = where(source > 0, source, 0)", "steps, S"],
    ["a = (source @ U) @ (source @ U)", "steps"],
    ["a = dot(source, source)", "steps"],
    ["a = dot(h @ W, source @ U)", "steps"],
    ['a = dot(source @ U, W, "a,ha->h")', "steps, H"],
    ['a = dot(reshape(source, [2, S / 2]), source, "ab,s->b")', "steps, S/2"],
    ["a = outer(h, source)", "steps, H, S"],
    ["a = cumsum(source, over time)", "steps, S"],
    ["a = cumsum(source, over last)", "steps, S"],
  ])("%s: [%s]", (line, shape) => {
    expect(shapeOf(cell(`${line}\nh' = x\noutput h'`))).toBe(shape);
  });

  it("keeps its axis to itself in norms", () => {
    const { graph } = compile(
      cell("site u = source @ U\nh' = x + sum(sum(u, over time), over feature)\noutput h'\nplace u : layer"),
    );
    const text = printGraph(graph.norms.get("u")!);
    expect(text).toContain('%x = leaf input "x" : f32[batch, steps, A]');
    expect(text).toMatch(/sum %x \{features=\[1\]\}/);
    expect(text).toMatch(/leaf param "u\/g" .* : f32\[A\]/);
  });

  it.each(["group(2)", "instance(2)", "rms", "cosine"])("is normalized by %s", (norm) => {
    const text = cell(
      `site u = source @ U\na = sum(u, over time)\nh' = x + sum(a, over feature)\noutput h'\nplace u : ${norm}`,
    );
    expect(said(text)).toEqual([]);
  });

  it.each([
    ["batch", "C0238 there are no statistics over examples of all steps of a sequence at once"],
    ["ghost(2)", "C0238 `group_mean` is not defined for a value of all steps of a sequence at once"],
    ["atn(k = 2)", "C0238 `atn` has a state, and `u` has all steps of a sequence at once"],
  ])("is not normalized by %s", (norm, message) => {
    const body = "site u = source @ U\na = sum(u, over time)\nh' = x + sum(a, over feature)\noutput h'";
    expect(said(cell(`${body}\nplace u : ${norm}`))).toEqual([message]);
  });

  it.each([
    ["h' = h + source", "C0204 the shapes [H] and [S] over time do not fit"],
    ["h' = source @ U @ W", "C0204 `@` sums over A on the left and H on the right"],
    ["h' = x + source[0]", "C0238 no part can be taken of a value of all steps of a sequence at once"],
    ["h' = x + row(source, 0)", "C0238 `row` is not defined for a value of all steps of a sequence at once"],
    ["h' = softmax(source @ U @ v, over time)", "C0225 `h` is [H], but its next value is [] over time"],
    ["h' = x + sum(x, over time)", "C0215 this value has no time axis: a cell says what happens in one step"],
    ["h' = x + sum(source, over whole)", "C0215 this value has no whole axis to reduce over"],
    ["h' = x + last(source)", "C0238 `last` is not defined for a value of all steps of a sequence at once"],
    ["h' = x + whole(x)", "C0215 `whole` needs a value that varies over time"],
  ])("%s: %s", (body, message) => {
    expect(said(cell(`${body}\noutput h'`))).toEqual([message]);
  });

  it("may be a state, which keeps its shape", () => {
    const of = (next: string): string =>
      cell(
        `state cov : [A] over time = 0\ncov' = ${next}\nh' = x + sum(max(cov', over time), over feature)\noutput h'`,
      );
    expect(said(of("cov + source @ U"))).toEqual([]);
    expect(said(of("cov + source"))).toEqual(["C0204 the shapes [A] over time and [S] over time do not fit"]);
    expect(said(of("source"))).toEqual(["C0225 `cov` is [A] over time, but its next value is [S] over time"]);
    expect(said(cell("h' = x", "param P : [A] over time = 0"))).toEqual(["C0116 a param is the same at all steps"]);
    expect(said(cell("h' = x", "state g : [A] over batch = 0"))).toEqual(["C0116 a state is never over `batch`"]);
  });

  it("is what a cell is told that reduces one step over time", () => {
    expect(help(cell("h' = x + sum(x, over time)\noutput h'"))).toContain("input s : [S] over time");
  });

  it.each([
    ["output sum(whole(x), over time)", "C0215 this value has no time axis to reduce over"],
    ["output sum(x, over whole)", "C0215 this value has no whole axis to reduce over"],
    ["output whole(whole(x))", "C0238 `whole` is not defined for a value of all steps of a sequence at once"],
    ["output whole(last(x))", "C0215 `whole` needs a value that varies over time"],
    [
      "site u = whole(x)\noutput u\nplace u : batch",
      "C0238 there are no statistics over examples of all steps of a sequence at once",
    ],
  ])("in a model: %s: %s", (body, message) => {
    expect(said(model(body))).toEqual([message]);
  });

  it("is apart from the time of the model", () => {
    const { graph } = compile(
      model("q = x @ W\na = softmax(whole(x @ W) @ q, over whole)\ny = sum(a, over time)\noutput y"),
    );
    expect(valueNamed(graph, "a").type).toMatchObject({ time: true, batch: true });
    expect(valueNamed(graph, "y").type).toMatchObject({ time: false, batch: true });
  });
});
