import { describe, expect, it } from "vitest";
import { InternalError } from "../../compiler/diagnostics/internal-error.ts";
import { Builder } from "../../compiler/ir/builder.ts";
import { variable } from "../../compiler/ir/dim.ts";
import { parseGraph } from "../../compiler/ir/parse-text.ts";
import { printGraph } from "../../compiler/ir/text.ts";
import { scalar } from "../../compiler/ir/type.ts";
import type { Graph, Value } from "../../compiler/ir/types.ts";
import { type VerifyOptions, verify } from "../../compiler/ir/verify.ts";

const valid = `graph rnn {
  %Wh = leaf param "Wh" orthogonal(gain=1) : f32[H, H]
  %x = leaf input "x" : f32[time, batch, H]
  %h0 = leaf input "h0" : f32[batch, H]
  %h_T, %hs = scan (%h = %h0) over (%xt = %x) {
    %hh = dot %h, %Wh {k,kn->n} : f32[batch, H]
    %a = add %hh, %xt : f32[batch, H]
    %h_next = tanh %a : f32[batch, H]
    yield %h_next; %h_next
  } : f32[batch, H], f32[time, batch, H]
  %last = at %hs {step=last} : f32[batch, H]
  result output "h" %hs
  result output "last" %last
}
`;

const norm = (text: string): string =>
  valid.replace(/\}\n$/, `  norm "hh" graph n {\n    %x = leaf input "x" : f32[batch, H]\n${text}\n  }\n}\n`);

describe("verify", () => {
  it("accepts a graph that obeys the rules", () => {
    expect(() => verify(parseGraph(valid), { placed: true })).not.toThrow();
    expect(() => verify(parseGraph(norm('    result output "y" %x')))).not.toThrow();
  });

  it("accepts no index that has more values than what it selects from", () => {
    const graph = (below: string, rows: string): string => `graph words {
  %T = leaf param "T" constant(1) : f32[${rows}, H]
  %w = leaf index "w" size=${below} : index(${below})[time, batch]
  %e = gather %T, %w : f32[time, batch, H]
  %s = scatter %w, %e {size=${rows}} : f32[${rows}, H]
  %o = onehot %w {size=${rows}} : f32[time, batch, ${rows}]
  result output "e" %e
}
`;
    for (const [below, rows] of [
      ["10", "10"],
      ["5", "10"],
      ["V", "V"],
      ["V", "2V"],
      ["V", "W"],
    ])
      verify(parseGraph(graph(below, rows)));
    expect(() => verify(parseGraph(graph("10", "5")))).toThrow(
      /index\(10\)\[time, batch\] does not select from 5 entries/,
    );
    expect(() => verify(parseGraph(graph("V + 1", "V")))).toThrow(/does not select from V entries/);
    const said = graph("10", "10").replace("index(10)[", "index(9)[");
    expect(() => verify(parseGraph(said))).toThrow(/is no index\(9\)/);
  });

  it("accepts a body that yields a value from outside", () => {
    expect(() => verify(parseGraph(valid.replace("; %h_next", "; %h0")))).not.toThrow();
  });

  it.each<[string, string, RegExp, VerifyOptions?]>([
    ["a wrong type", valid.replace("%a = add %hh, %xt : f32[batch, H]", "%a = add %hh, %xt : f32[H]"), /should be/],
    ["operands that do not fit", valid.replace("{k,kn->n}", "{k,knm->n}"), /does not have the axes/],
    ["too few operands", valid.replace("add %hh, %xt", "add %hh"), /takes 2 values, not 1/],
    [
      "too many results",
      valid.replace("%last = at", "%last, %b = at").replace("H]\n  result", "H], f32[]\n  result"),
      /2 results instead of 1/,
    ],
    ["a value with time from outside a body", valid.replace("add %hh, %xt", "add %hh, %x"), /with time from outside/],
    [
      "a value with time inside a body",
      valid.replace("%a = add %hh, %xt : f32[batch, H]", "%a = put %hh {step=last} : f32[time, batch, H]"),
      /has time inside/,
    ],
    [
      "a leaf inside a body",
      valid.replace("%hh = dot %h, %Wh {k,kn->n}", '%hh = leaf input "z"'),
      /inside a scan's body/,
    ],
    ["a reduction over time inside a body", valid.replace("tanh %a", "sum %a {time}"), /runs over time/],
    ["a contraction over time inside a body", valid.replace("{k,kn->n}", "{k,kn->n; time}"), /runs over time/],
    ["an input without time", valid.replace("%xt = %x", "%xt = %h0"), /has no time/],
    ["an input parameter with time", valid.replace("%xt = %x", "%xt: f32[time, batch, H] = %x"), /stands for/],
    ["a state whose parameter differs", valid.replace("%h = %h0", "%h: f32[H] = %h0"), /stands for/],
    ["a state whose next value differs", valid.replace("yield %h_next", "yield %Wh"), /becomes/],
    [
      "a scan whose output has no time",
      valid.replace("f32[time, batch, H]\n  %last", "f32[batch, H]\n  %last"),
      /result 1 should be/,
    ],
    ["two results of one name", valid.replace('"last"', '"h"'), /output:h stands twice/],
    ["a site after placement", valid.replace("tanh %a", 'site %a "hh"'), /left after placement/, { placed: true }],
    [
      "a statistic after placement",
      valid.replace("tanh %a", 'stat %a "m" shared'),
      /left after placement/,
      { placed: true },
    ],
    ["a norm after placement", norm('    result output "y" %x'), /norm at site "hh" is left/, { placed: true }],
    ["a norm with two outputs", norm('    result output "y" %x\n    result output "z" %x'), /exactly one output/],
    ["a norm without an output", norm('    result metric "y" %x'), /exactly one output/],
    ["a norm that breaks the rules itself", norm('    %y = tanh %x : f32[]\n    result output "y" %y'), /should be/],
    ["a norm with two inputs", norm('    %z = leaf input "z" : f32[]\n    result output "y" %x'), /exactly one input/],
  ])("refuses %s", (_, text, message, options) => {
    const graph = parseGraph(text);
    expect(() => verify(graph, options)).toThrow(InternalError);
    expect(() => verify(graph, options)).toThrow(message);
  });

  const graphOf = (b: Builder, value: Value): Graph => ({
    name: "g",
    ops: b.ops,
    results: [{ kind: "output", name: "y", value }],
    norms: new Map(),
  });

  it("refuses a value used before its definition", () => {
    const b = new Builder();
    const y = b.neg(b.scalar(1));
    b.ops.reverse();
    expect(() => verify(graphOf(b, y))).toThrow(/without a definition before it/);
  });

  it("refuses an id defined twice", () => {
    const b = new Builder();
    const y = b.scalar(1);
    b.ops.push(b.ops[0]);
    expect(() => verify(graphOf(b, y))).toThrow(/defined twice/);
  });

  it("refuses a use that sees another type than the definition", () => {
    const b = new Builder();
    const y = b.scalar(1);
    expect(() => verify(graphOf(b, { ...y, type: { ...scalar, shape: [variable("H")] } }))).toThrow(/defined as/);
  });

  it("refuses a value of a body used outside it", () => {
    const graph = parseGraph(valid);
    const scan = graph.ops.find((op) => op.op === "scan")!;
    const value = scan.body!.results[0];
    expect(() => verify({ ...graph, results: [{ kind: "output", name: "y", value }] })).toThrow(/outside the body/);
  });

  it("refuses a scan without a body, or with other numbers of operands and parameters", () => {
    const graph = parseGraph(valid);
    const withScan = (change: object): Graph => ({
      ...graph,
      ops: graph.ops.map((op) => (op.op === "scan" ? { ...op, ...change } : op)),
    });
    const scan = graph.ops.find((op) => op.op === "scan")!;
    expect(() => verify(withScan({ body: undefined }))).toThrow(/no body/);
    expect(() => verify(withScan({ operands: scan.operands.slice(1) }))).toThrow(/1 operands, but 2/);
    expect(() => verify(withScan({ attrs: { states: 3, reverse: false } }))).toThrow(/fewer operands than states/);
    expect(() => verify(withScan({ body: { ...scan.body!, results: [] } }))).toThrow(/fewer values than/);
  });

  it("says that the fault is the compiler's and shows the graph", () => {
    const graph = parseGraph(valid.replace("yield %h_next", "yield %Wh"));
    try {
      verify(graph);
      expect.unreachable();
    } catch (error) {
      expect((error as InternalError).message).toContain("bug in cellc, not in your cell");
      expect((error as InternalError).ir).toBe(printGraph(graph));
      expect((error as InternalError).message).toContain(printGraph(graph));
    }
  });
});
