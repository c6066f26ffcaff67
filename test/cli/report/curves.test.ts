import { parseHTML } from "linkedom";
import { describe, expect, test } from "vitest";
import type { CurvePoint } from "../../../cli/report/curve-log.ts";
import { drawCurves, smooth } from "../../../cli/report/curves.ts";

function run(steps: number, loss: (step: number) => number): readonly CurvePoint[] {
  return Array.from({ length: steps }, (_, i) => i + 1).flatMap((step): CurvePoint[] => {
    const train: CurvePoint = { kind: "train", step, epoch: 1, loss: loss(step), seconds: step };
    if (step % 10 !== 0) return [train];
    return [train, { kind: "evaluation", step, epoch: 1, loss: loss(step), metrics: { accuracy: 0.5 }, seconds: step }];
  });
}

const picture = {
  title: "Two cells <on> digits",
  subtitle: "H = 48",
  runs: [
    { name: "bnlstm", points: run(100, (step) => 2 / step) },
    { name: "lstm", points: run(80, (step) => 3 / step) },
  ],
  measures: ["accuracy"],
};

const drawn = (options: typeof picture) => parseHTML(drawCurves(options)).document;
const texts = (document: Document) => Array.from(document.querySelectorAll("text"), (text) => text.textContent);

describe("learning curves", () => {
  test("are one SVG with title, legend and labelled axes", () => {
    const document = drawn(picture);
    expect(document.documentElement.tagName.toLowerCase()).toBe("svg");
    const words = texts(document).join("\n");
    for (const wanted of [
      "Two cells <on> digits",
      "H = 48",
      "bnlstm",
      "lstm",
      "training step",
      "training loss",
      "accuracy on held-out",
    ]) {
      expect(words).toContain(wanted);
    }
  });

  test("escape words that look like markup", () => {
    expect(drawCurves(picture)).toContain("<title>Two cells &lt;on&gt; digits</title>");
    expect(drawCurves(picture)).not.toContain("<on>");
  });

  test("have for each run a faint line, a smooth line, a metric line and a dot an evaluation", () => {
    const document = drawn(picture);
    const lines = Array.from(document.querySelectorAll("path")).filter((path) =>
      /^#/.test(path.getAttribute("stroke") ?? ""),
    );
    expect(lines.length).toBe(6);
    expect(document.querySelectorAll("circle").length).toBe(10 + 8);
  });

  test("show the evaluations' loss where no run has the metric", () => {
    const words = texts(drawn({ ...picture, measures: ["perplexity"] })).join("\n");
    expect(words).toContain("loss on held-out");
  });

  test("leave out losses that are NaN, and are drawn with no points at all", () => {
    const broken = run(30, (step) => (step > 20 ? Number.NaN : 1));
    for (const points of [broken, []]) {
      expect(drawCurves({ ...picture, runs: [{ name: "a", points }] })).not.toMatch(/NaN|undefined/);
    }
  });

  test("stay small for long runs", () => {
    const long = drawCurves({ ...picture, runs: [{ name: "a", points: run(50_000, (step) => 1 / step) }] });
    expect(long.length).toBeLessThan(400_000);
  });
});

describe("smoothing", () => {
  test("starts at the first value and leaves a constant as it is", () => {
    expect(smooth([3, 3, 3], 0.5)).toEqual([3, 3, 3]);
    expect(smooth([5, 1], 0.5)).toEqual([5, (0.5 * 5 + 1) / 1.5]);
    expect(smooth([], 0.5)).toEqual([]);
  });
});
