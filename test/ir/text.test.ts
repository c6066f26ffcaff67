import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Builder } from "../../compiler/ir/builder.ts";
import { parseGraph } from "../../compiler/ir/parse-text.ts";
import { printGraph } from "../../compiler/ir/text.ts";
import { IrSyntaxError } from "../../compiler/ir/text-reader.ts";
import { scalar } from "../../compiler/ir/type.ts";
import type { Block, Graph, Op, Value } from "../../compiler/ir/types.ts";
import { verify } from "../../compiler/ir/verify.ts";
import { randomGraphs } from "./random-graph.ts";

/** `graph` with ids counted in the order of the parser: a scan's parameters and body before its results. */
function renumbered(graph: Graph): Graph {
  const ids = new Map<number, number>();
  const define = (v: Value): Value => {
    ids.set(v.id, ids.size + 1);
    return use(v);
  };
  const use = (v: Value): Value => ({ ...v, id: ids.get(v.id)! });
  const block = (b: Block): Block => {
    const params = b.params.map(define);
    const ops = b.ops.map(op);
    return { params, ops, results: b.results.map(use) };
  };
  const op = (o: Op): Op => {
    const operands = o.operands.map(use);
    const inside = o.body ? { body: block(o.body) } : {};
    return { ...o, operands, ...inside, results: o.results.map(define) } as Op;
  };
  const ops = graph.ops.map(op);
  return {
    ...graph,
    ops,
    results: graph.results.map((r) => ({ ...r, value: use(r.value) })),
    norms: new Map([...graph.norms].map(([site, norm]) => [site, renumbered(norm)])),
  };
}

const everything = `graph everything {
  %Wx = leaf param "rnn/Wx" blocks(orthogonal(gain=1), identity(gain=0.5), constant(-0), uniform(-0.1, 1e-7), normal(mean=0, std=1), xavier(gain=2)) : f32[D, 6H]
  %g = leaf param "rnn/Wx/g" lengths("rnn/Wx") : f32[6H]
  %x = leaf input "x" : f32[time, batch, D]
  %y = leaf index "a \\"quoted\\" name" size=V : index(V)[time, batch]
  %x2 = leaf input "x2" target over="s" : f32[time, batch, D]
  %y2 = leaf index "y2" size=V over="s" : index(V)[time, batch]
  %first = leaf lengths "lengths/s/first" first over="s" : f32[time, batch]
  %span = leaf lengths "lengths/span" span : f32[batch]
  %pop = leaf population "hh/s" shared over="s" : f32[H]
  %n = leaf noise "n" uniform scale=0.25 : f32[batch, H/2]
  %k = leaf noise "mask/step" bernoulli keep=0.75 : f32[time, batch, H]
  %p = leaf population "hh/m" per_step(2T + 1) : f32[time, H]
  %q = leaf population "hh/v" shared : f32[H]
  %lr = leaf hyper "lr" : f32[]
  %1 = const -0 : f32[]
  %2 = const 1e-12 * [batch, time, D + 2H] : f32[]
  %3 = const Infinity : f32[]
  %xh = dot %x, %Wx {k,kn->n} : f32[time, batch, 6H]
  %4 = dot %x, %x {a,b->ab; batch; time} : f32[D, D]
  %f, %i = split %xh {axis=0, parts=2} : f32[time, batch, 3H], f32[time, batch, 3H]
  %f.1, %i.1 = cut %f {axis=0, widths=[H, 2H]} : f32[time, batch, H], f32[time, batch, 2H]
  %5 = concat %f.1, %i.1 {axis=0} : f32[time, batch, 3H]
  %6 = reshape %5 {shape=[3, H, 1]} : f32[time, batch, 3, H, 1]
  %7 = reshape %lr {shape=[]} : f32[]
  %8 = transpose %6 {permutation=[2, 0, 1]} : f32[time, batch, 1, 3, H]
  %9 = sum %8 {batch, time, features=[0, 2], keep} : f32[1, 3, 1]
  %10 = maximum %8 {} : f32[time, batch, 1, 3, H]
  %c' = at %f {step=last} : f32[batch, 3H]
  %11 = put %c' {step=first} : f32[time, batch, 3H]
  %12 = gather %Wx, %y : f32[time, batch, 6H]
  %13 = scatter %y, %12 {size=V} : f32[V, 6H]
  %14 = onehot %y {size=V} : f32[time, batch, V]
  %15 = argmax %14 : index(V)[time, batch]
  %16 = stop %lr : f32[]
  %"x h" = site %xh "xh" : f32[time, batch, 6H]
  %m = stat %xh "xh/m" per_step(T) : f32[time, batch, 6H]
  %m_before = population %m "xh/m" "xh/collected" per_step(T) : f32[time, batch, 6H]
  %r = ramp {from=-0.5, to=3, first=10, last=20} : f32[]
  %on = training : f32[]
  %17 = select %lr, %1, %2 : f32[]
  %18 = broadcast %lr : f32[batch, H]
  %h_T, %hs, %qs = scan reverse (%h = %18) over (%t = %15, %u = %p) {
    %a = add %h, %u : f32[batch, H]
    %a.1 = tanh %a : f32[batch, H]
    yield %a.1; %a, %q
  } : f32[batch, H], f32[time, batch, H], f32[time, H]
  %19 = scan () over (%20 = %x) {
    yield; %20
  } : f32[time, batch, D]
  %21 = scan (%22 = %lr) {
    %23 = neg %22 : f32[]
    yield %23
  } : f32[]
  result output "h" %hs
  result loss "loss" %lr
  result batch_stat "hh/m" %p
  norm "hh" graph batch {
    %x = leaf input "x" : f32[batch, H]
    %m = sum %x {batch} : f32[H]
    %m.1 = stat %m "m" shared : f32[H]
    %1 = sub %x, %m.1 : f32[batch, H]
    result output "y" %1
  }
  norm "a b" graph "not a word" {
    %x = leaf input "x" : f32[batch, H]
    result output "y" %x
  }
}
`;

describe("the text form", () => {
  it("says every op, attribute and kind of leaf, and reads back to the same text", () => {
    const graph = parseGraph(everything);
    verify(graph);
    expect(printGraph(graph)).toBe(everything);
    expect(parseGraph(printGraph(graph))).toEqual(graph);
  });

  it("reads back to an equal graph", () => {
    fc.assert(
      fc.property(randomGraphs, ({ graph }) => {
        const back = parseGraph(printGraph(graph));
        expect(back).toEqual(renumbered(graph));
        expect(printGraph(back)).toBe(printGraph(graph));
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it("keeps any name, and tells values of one name apart", () => {
    const names = ["h", "h", "h", "", "", "h.1", "12", "c'", "a/b", "x h", '"', "\\", "\n", "é", "h"];
    const b = new Builder();
    for (const name of names) b.one("leaf", [], { leaf: { kind: "hyper", name: "k" }, type: scalar }, name);
    const graph: Graph = { name: "names", ops: b.ops, results: [], norms: new Map() };
    expect(parseGraph(printGraph(graph)).ops.map((op) => op.results[0].name)).toEqual(names);
  });

  it("keeps every number", () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        const b = new Builder();
        b.scalar(value);
        const graph: Graph = { name: "number", ops: b.ops, results: [], norms: new Map() };
        expect(parseGraph(printGraph(graph)).ops[0].attrs).toEqual({ value, dims: [] });
      }),
    );
  });

  it("lets comments and white space stand anywhere", () => {
    const text = 'graph g { // a graph\n%a =\n  leaf hyper "a // b":f32[ ] // a leaf\nresult loss "l" %a }';
    expect(printGraph(parseGraph(text))).toBe(
      'graph g {\n  %a = leaf hyper "a // b" : f32[]\n  result loss "l" %a\n}\n',
    );
  });

  it.each([
    ["graph g {\n  %a = tanh %b : f32[]\n}", 2, "%b is not defined"],
    ["graph g {\n\n  %a = tan %b : f32[]\n}", 3, "there is no op tan"],
    ['graph g {\n  %a = leaf hyper "a" : f32[]\n  %a = neg %a : f32[]\n}', 3, "%a is defined twice"],
    ["graph g {\n  %a = const x : f32[]\n}", 2, "expected a number"],
    ["graph g {\n  %a = const 1 : f64[]\n}", 2, "expected f32 or index"],
    ["graph g {\n  %a = const 1 : f32[4 H]\n}", 2, 'expected "]"'],
    ["graph g {\n  %a = const 1 : f32[4*]\n}", 2, "not a dimension"],
    ['graph g {\n  result loss "loss" %a\n}', 2, "%a is not defined"],
    ['graph g {\n  result gain "loss" %a\n}', 2, "expected output or loss"],
    ["graph g {\n  %a = const 1 : f32[]", 2, "expected a value"],
    ["graph g {\n}\n}", 3, "expected the end"],
    [
      "graph g {\n  %a = const 1 : f32[2]\n  %b, %b = split %a {axis=0, parts=2} : f32[1], f32[1]\n}",
      3,
      "%b is defined twice",
    ],
    [
      "graph g {\n  %a = const 1 : f32[]\n  %y = scan (%u = %a) {\n    yield %u\n  } : f32[]\n  %b = neg %u : f32[]\n}",
      6,
      "%u is not defined",
    ],
  ])("names the line where it does not read: %j", (text, line, message) => {
    let error: unknown;
    try {
      parseGraph(text);
    } catch (e) {
      error = e;
    }
    expect(error).toBeInstanceOf(IrSyntaxError);
    expect((error as IrSyntaxError).message).toContain(message);
    expect((error as IrSyntaxError).line).toBe(line);
  });
});
