/** Scans that begin anew inside sequences: what they mean, and what is refused. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { printGraph } from "../../compiler/ir/text.ts";
import type { Graph } from "../../compiler/ir/types.ts";
import { codes, compile, problemsOf } from "./sources.ts";

const lstm = readFileSync(new URL("../../examples/cells/lstm.cell", import.meta.url), "utf8");

const cell = (placed: string): string => `cell c(D = 3, H = 4) {
  param Wx : [D, H] = xavier
  param Wh : [H, H] = orthogonal
  input x : [D]
  state h : [H] = 0
  site hh = h @ Wh
  site xh = x @ Wx
  h' = tanh(hh + xh)
  output h'
  ${placed}
}
`;
const model = (body: string, placed = ""): string => `${cell(placed)}
model m(D = 3, H = 4) {
  input x : [D] over time
  input w : index(4) over time
  input begins : [] over time
  input once : []
  ${body.replaceAll("scan c ", "scan c(D, H) ")}
}
`;
const errorsOf = (text: string) =>
  problemsOf(text).map(({ code, message, help }) => [code, message, typeof help === "function" ? undefined : help]);

describe("a scan with `reset`", () => {
  it("is written in one line, with an input or a condition", () => {
    const packed =
      "model packed(D = 2, H = 3) { param V : [H, D] = xavier; input x : [D] over time; input begins : [] over time; target y : [D] over time; hs = scan lstm(D, H) over x reset begins; z = hs @ V; output z; loss mse(z, y) }";
    expect(problemsOf(`${lstm}\n${packed}`)).toEqual([]);
    expect(codes(problemsOf(model("output scan c over x reset w == 0")))).toEqual(["W0601", "W0601"]);
  });

  it("says the same in whatever order its parts stand", () => {
    const orders = [
      "reset begins from h = once reverse",
      "reverse from h = once reset begins",
      "from h = once reset begins reverse",
    ];
    const graphs = orders.map((parts) => printGraph(compile(model(`output scan c over x ${parts}`)).graph));
    expect(new Set(graphs).size).toBe(1);
  });

  it("counts the steps of cells since each reset, by a loop of its own", () => {
    const text = model("output scan c over x reset begins").replace("tanh(hh + xh)", "tanh(hh + xh + step())");
    const scans = compile(text).graph.ops.filter(({ op }) => op === "scan");
    expect(scans.map((scan) => scan.body!.params.length)).toEqual([2, 4]);
    const marked = compile(text.replace("reset begins", "")).graph.ops.filter(({ op }) => op === "scan");
    expect(marked.length).toBe(1);
  });
});

describe("statistics of a scan with `reset`", () => {
  const policies = ({ norms }: Graph): readonly string[] =>
    [...norms.values()].flatMap((norm) => norm.ops.flatMap((op) => (op.op === "stat" ? [op.attrs.policy.kind] : [])));

  it("are shared by all steps, at all of its sites, but not those of another scan of the cell", () => {
    const text = model("hs = scan c as one over x reset begins\noutput hs, scan one over x", "place hh, xh : batch");
    expect(policies(compile(text).graph)).toEqual([...Array(4).fill("shared"), ...Array(4).fill("per_step")]);
  });

  it.each(["per_step", "per_step(5)"])("are refused as %s", (kept) => {
    const found = problemsOf(model("output scan c over x reset begins", `place hh : batch(stats = ${kept})`));
    expect(found[0]).toMatchObject({
      code: "C0215",
      message: "`m` has no steps to be kept for: the scan has `reset`",
      help: "write stats = shared, or leave it out: it is the default in such a scan",
    });
  });

  it("are accepted as shared", () => {
    expect(
      codes(problemsOf(model("output scan c over x reset begins", "place hh : batch(stats = shared)"))).filter((c) =>
        c.startsWith("C"),
      ),
    ).toEqual([]);
  });
});

describe("`reset` takes a number for each step, and not", () => {
  it("an index", () => {
    expect(errorsOf(model("output scan c over x reset w"))[0]).toEqual([
      "C0224",
      "`reset` takes a mark, and this is an index",
      "write a condition: reset w == 0",
    ]);
  });
  it("a vector", () => {
    expect(errorsOf(model("output scan c over x reset x"))[0]).toEqual([
      "C0204",
      "`reset` takes one number for each step, and this is [D]",
      "select one: x[0], or max(x, over feature)",
    ]);
  });
  it("what is the same at all steps", () => {
    expect(errorsOf(model("output scan c over x reset once"))[0]).toEqual([
      "C0215",
      "`reset` marks steps, and this value does not vary over time",
      "declare the mark as an input [] over time, or compute it from one: reset step() == 5",
    ]);
  });
  it("steps of another time axis", () => {
    const text = model("input other : [] over time source\noutput scan c over x reset other");
    expect(codes(problemsOf(text))[0]).toBe("C0240");
  });
});
