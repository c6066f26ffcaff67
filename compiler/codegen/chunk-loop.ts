/**
 * A linear loop whose steps are taken in chunks (`partition/chunks.ts`), by lanes that own single elements. The grid has a workgroup for each
 * chunk of the elements that a workgroup owns; chunk c has steps c·⌈T/C⌉ to (c + 1)·⌈T/C⌉, as far as there are any.
 */
import type { Value } from "../ir/types.ts";
import * as x from "../kernel-ir/expr.ts";
import type { KExpr, KStmt } from "../kernel-ir/types.ts";
import type { Chunked, ChunkRole, Chunks } from "../partition/chunks.ts";
import {
  type ElementSite,
  type Elements,
  elementsOf,
  initialStates,
  isKept,
  points,
  runSteps,
} from "./element-loop.ts";
import { Evaluation } from "./elementwise.ts";
import { type Bounds, loop, upTo, type Variable } from "./loops.ts";
import type { Point } from "./point.ts";

type Linear = Extract<Chunked, { kind: "linear" }>;

/** One kernel of the loop; without a role, that which runs the steps. */
export function chunkLoop(
  site: ElementSite,
  elements: Elements,
  chunks: Chunks,
  role: ChunkRole | undefined,
): readonly KStmt[] {
  switch (role) {
    case "reduce":
      return reduce(site, elements, chunks);
    case "combine":
      return combine(site, elements, chunks);
    case "finish":
      return finish(site, elements, chunks);
    case undefined:
      return run(site, elements, chunks);
  }
}

/** The chunk that the workgroup has. */
const own: KExpr = { k: "group", axis: 1 };

/** The steps of the workgroup's chunk, in the loop's order. */
function boundsOf({ scope }: ElementSite, { count }: Chunks): Bounds {
  const T = scope.layout.steps;
  const length = x.div(x.add(T, x.int(count - 1)), x.int(count));
  const from = x.mul(own, length);
  return { from, to: x.min(T, x.add(from, length)) };
}

/** The place of what is kept of a chunk. */
function placeOf({ scope, allocations }: ElementSite, v: Value, chunk: KExpr, p: Point): x.Place {
  return scope.layout.placeOf(allocations.get(v)![0], undefined, p.b, [chunk, ...p.f]);
}

const load = (site: ElementSite, v: Value, chunk: KExpr, p: Point): KExpr =>
  x.loadFrom(placeOf(site, v, chunk, p), "f32");

const keep = (site: ElementSite, v: Value, chunk: KExpr, p: Point, value: KExpr): KStmt => ({
  s: "store",
  ...placeOf(site, v, chunk, p),
  type: "f32",
  value,
});

const math = (op: "add" | "mul", ...args: readonly KExpr[]): KExpr => ({ k: "math", op, type: "f32", args });

const declare = ({ name }: Variable, value: KExpr): KStmt => ({ s: "var", name, type: "f32", value });

const assign = ({ name }: Variable, value: KExpr): KStmt => ({ s: "assign", name, type: "f32", value });

/** What a chunk makes of a state: from a state of 0 its offset, and as its factor the product of the coefficients. */
function reduce(site: ElementSite, elements: Elements, chunks: Chunks): readonly KStmt[] {
  const { scope } = site;
  const { params, results } = elements.scan.body!;
  const linear = linearOf(chunks);
  const ops = linear.flatMap(({ state }) => state.ops);
  const defs = new Map([...scope.defs, ...ops.flatMap((op) => op.results.map((v) => [v, op] as const))]);
  const inStep = new Set([...elementsOf(elements.scan), ...ops.flatMap((op) => op.results)]);
  return points(site, (p) => {
    const variables = linear.map(({ state: { factor, offset } }) => ({
      factor: x.variable(scope.name(factor.name), "f32") as Variable,
      offset: x.variable(scope.name(offset.name), "f32") as Variable,
    }));
    const before = new Evaluation({ ...scope, step: undefined });
    const given = new Map(linear.map(({ i }, k) => [params[i], variables[k].offset]));
    const inner = new Evaluation(
      { ...scope, defs, given: (v) => given.get(v), isSteady: (v) => !inStep.has(v) },
      { evaluation: before, loops: [(scope.step as Variable).name] },
    );
    const next = linear.map(({ i, state }, k) => ({
      factor: math("mul", inner.at(state.coefficient, p), variables[k].factor),
      offset: inner.at(results[i], p),
    }));
    const assigned = variables.flatMap(({ factor, offset }, k) => [
      assign(factor, next[k].factor),
      assign(offset, next[k].offset),
    ]);
    return [
      ...variables.flatMap(({ factor, offset }) => [declare(factor, x.float(1)), declare(offset, x.float(0))]),
      ...before.statements,
      ...site.overSteps([...inner.statements, ...assigned], boundsOf(site, chunks)),
      ...linear.flatMap(({ state }, k) => [
        keep(site, state.factor, own, p, variables[k].factor),
        keep(site, state.offset, own, p, variables[k].offset),
      ]),
    ];
  });
}

const linearOf = ({ states }: Chunks): readonly { readonly state: Linear; readonly i: number }[] =>
  states.flatMap((state, i) => (state.kind === "linear" ? [{ state, i }] : []));

/** The first state of each chunk, from that of the chunk before. */
function combine(site: ElementSite, elements: Elements, chunks: Chunks): readonly KStmt[] {
  const { scope, store } = site;
  const { scan } = elements;
  return points(site, (p) => {
    const { statements, variables, kept } = initialStates(site, elements, p);
    const linear = linearOf(chunks);
    const over = loop(scope.name, { hint: "chunk", ...upTo(chunks.count) }, (c) =>
      linear.flatMap(({ state, i }): KStmt[] => {
        const next = x.variable(scope.name("next"), "f32");
        const grown = math("mul", load(site, state.factor, c, p), variables[i]);
        const value = math("add", grown, load(site, state.offset, c, p));
        return [
          { s: "let", name: (next as Variable).name, type: "f32", value },
          keep(site, state.factor, c, p, variables[i]),
          assign(variables[i], next),
        ];
      }),
    );
    const last = linear.flatMap(({ i }) => store(scan.results[i], p, variables[i], (place) => !isKept(place)));
    return [...statements, ...kept, over, ...last];
  });
}

/** The steps of a chunk, from its first states. */
function run(site: ElementSite, elements: Elements, chunks: Chunks): readonly KStmt[] {
  return points(site, (p) => {
    const { statements, variables } = runSteps(
      site,
      elements,
      p,
      chunks.states.map((state) => (state.kind === "linear" ? load(site, state.factor, own, p) : x.float(0))),
      boundsOf(site, chunks),
    );
    const kept = chunks.states.flatMap((state, i) =>
      state.kind === "sum" ? [keep(site, state.partial, own, p, variables[i])] : [],
    );
    return [...statements, ...kept];
  });
}

/** Sums over the steps, from those of the chunks. */
function finish(site: ElementSite, elements: Elements, chunks: Chunks): readonly KStmt[] {
  const { scope, store } = site;
  return points(site, (p) => {
    const { statements, variables } = initialStates(site, elements, p);
    const sums = chunks.states.flatMap((state, i) => (state.kind === "sum" ? [{ state, i }] : []));
    const over = loop(scope.name, { hint: "chunk", ...upTo(chunks.count) }, (c) =>
      sums.map(({ state, i }) => assign(variables[i], math("add", variables[i], load(site, state.partial, c, p)))),
    );
    return [
      ...statements,
      over,
      ...sums.flatMap(({ i }) => store(elements.scan.results[i], p, variables[i], (place) => !isKept(place))),
    ];
  });
}
