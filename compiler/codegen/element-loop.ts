/**
 * A loop over the steps in which lanes own single elements. What a lane reads of states it has made itself, so there is no barrier.
 *
 * In a workgroup, each lane runs all steps of an element before it takes the next one, with the states in variables: a state is only
 * stored where something reads it after the loop, and what all steps share is loaded once. A thread runs the steps in order, each
 * over all the elements that it owns: so it reads memory as it lies, and the states of a step are in its first-level cache.
 */
import type { Allocations } from "../buffers/assignment.ts";
import type { Allocation } from "../buffers/layout.ts";
import { statesOf } from "../ir/elementwise-loops.ts";
import { isView } from "../ir/ops.ts";
import type { Op, OpOf, Value } from "../ir/types.ts";
import * as x from "../kernel-ir/expr.ts";
import type { KExpr, KStmt } from "../kernel-ir/types.ts";
import { type Machine, refuseUnit } from "../machine.ts";
import { Evaluation, type Scope } from "./elementwise.ts";
import type { KernelLoop } from "./kernel-input.ts";
import { forEachPoint, type OwnedAxis } from "./loop-nest.ts";
import type { Bounds, Variable } from "./loops.ts";
import type { Point } from "./point.ts";

/** What the loop must know of the kernel that contains it. */
export interface ElementSite {
  readonly machine: Machine;
  readonly scope: Scope;
  readonly allocations: Allocations;
  /** The part of each axis of the states that the unit owns. */
  readonly axes: readonly OwnedAxis[];
  readonly start: Point;
  /** Runs statements for every step, or for those that lie between bounds in the loop's order. */
  overSteps(body: readonly KStmt[], bounds?: Bounds): readonly KStmt[];
  /** Stores a value in those of its places that `where` holds for. */
  store(v: Value, p: Point, value: KExpr, where?: (place: Allocation) => boolean): readonly KStmt[];
}

export type Elements = NonNullable<KernelLoop["elements"]>;

export function elementLoop(site: ElementSite, elements: Elements): readonly KStmt[] {
  const { machine } = site;
  switch (machine.unit.kind) {
    case "workgroup":
      return byElement(site, elements);
    case "thread":
      return byStep(site, elements);
    case "texel":
      return refuseUnit(machine, "a loop over the steps within a kernel");
  }
}

/** Runs statements at each element that the unit owns. */
export const points = ({ machine, scope, axes, start }: ElementSite, body: (p: Point) => readonly KStmt[]) =>
  forEachPoint(machine, scope.name, axes, start, true, body);

/** The values that differ from step to step. */
export const elementsOf = ({ body }: OpOf<"scan">): ReadonlySet<Value> =>
  new Set([...body!.params, ...body!.ops.flatMap((op) => op.results)]);

/** The states of an element, in variables. */
interface Declared {
  readonly variables: readonly Variable[];
  readonly statements: readonly KStmt[];
}

const declared = ({ scope }: ElementSite, { scan }: Elements, first: readonly KExpr[]): Declared => {
  const variables = statesOf(scan).map(({ name }) => x.variable(scope.name(name || "state"), "f32") as Variable);
  return { variables, statements: variables.map(({ name }, i) => ({ s: "var", name, type: "f32", value: first[i] })) };
};

/** The initial states of an element; `kept` stores those that others read, if the kernel computes them. */
export function initialStates(
  site: ElementSite,
  elements: Elements,
  p: Point,
): Declared & { readonly kept: readonly KStmt[] } {
  const { scan, initial } = elements;
  const before = new Evaluation({ ...site.scope, step: undefined });
  const operands = scan.operands.slice(0, scan.attrs.states);
  const first = operands.map((v) => before.at(v, p));
  const made = declared(site, elements, first);
  const starts = new Set(initial.flatMap((op) => op.results));
  const kept = operands.flatMap((v, i) => (starts.has(v) ? site.store(v, p, made.variables[i], isKept) : []));
  return { variables: made.variables, statements: [...before.statements, ...made.statements], kept };
}

/** All steps of one element, then the next element. */
function byElement(site: ElementSite, elements: Elements): readonly KStmt[] {
  const { scan } = elements;
  return points(site, (p) => {
    const { statements, variables, kept } = initialStates(site, elements, p);
    const loop = stepsOf(site, elements, p, variables);
    const last = scan.results
      .slice(0, scan.attrs.states)
      .flatMap((v, i) => site.store(v, p, variables[i], (place) => !isKept(place)));
    return [...statements, ...kept, ...loop, ...last];
  });
}

/** Some steps of one element, from given states; the states after them are in variables. */
export function runSteps(
  site: ElementSite,
  elements: Elements,
  p: Point,
  first: readonly KExpr[],
  bounds: Bounds,
): Declared {
  const { variables, statements } = declared(site, elements, first);
  return { variables, statements: [...statements, ...stepsOf(site, elements, p, variables, bounds)] };
}

/** The loop over the steps of an element, with its states in variables. */
function stepsOf(
  site: ElementSite,
  { scan }: Elements,
  p: Point,
  variables: readonly Variable[],
  bounds?: Bounds,
): readonly KStmt[] {
  const { scope, allocations, store } = site;
  const body = scan.body!;
  const params = statesOf(scan);
  const inStep = elementsOf(scan);
  const before = new Evaluation({ ...scope, step: undefined });
  const inner = new Evaluation(
    { ...scope, given: (v) => variables[params.indexOf(v)], isSteady: (v) => !inStep.has(v) },
    { evaluation: before, loops: [(scope.step as Variable).name] },
  );
  const stored = computed(body.ops, allocations, inner, p).flatMap(({ v, value }) => store(v, p, value, isKept));
  const next = params.map((_, i) => {
    const value = inner.at(body.results[i], p);
    // All states change at once: another state's old value is kept aside.
    const isOld = value.k === "var" && variables.some(({ name }) => name === value.name);
    return isOld ? inner.bind("old", value, 1) : value;
  });
  const assigned = variables.map(({ name }, i): KStmt => ({ s: "assign", name, type: "f32", value: next[i] }));
  return [...before.statements, ...site.overSteps([...inner.statements, ...stored, ...assigned], bounds)];
}

/** Whether what is stored at each step is read after the loop: copies that frames use in turn are for the next step alone. */
export const isKept = ({ buffer }: Allocation): boolean => buffer.ring === undefined;

/** One step of all elements, then the next step. */
function byStep(site: ElementSite, { scan, initial }: Elements): readonly KStmt[] {
  const { scope, allocations, store } = site;
  const loops = (ops: readonly Op[], within: Scope): readonly KStmt[] =>
    points(site, (p) => {
      const evaluation = new Evaluation(within);
      const stores = computed(ops, allocations, evaluation, p).flatMap(({ v, value }) => store(v, p, value));
      return [...evaluation.statements, ...stores];
    });
  return [
    ...(initial.length === 0 ? [] : loops(initial, { ...scope, step: undefined })),
    ...site.overSteps(loops(scan.body!.ops, scope)),
  ];
}

/**
 * The values that ops store, each with its expression. Every value of an element is computed where its op stands, so no chain of them is
 * too long to follow.
 */
function computed(
  ops: readonly Op[],
  allocations: Allocations,
  evaluation: Evaluation,
  p: Point,
): readonly { readonly v: Value; readonly value: KExpr }[] {
  return ops.flatMap((op) => {
    if (isView(op)) return [];
    return op.results.flatMap((v) => {
      if (!v.type.batch || v.type.shape.length !== p.f.length) return [];
      const value = evaluation.at(v, p);
      return allocations.has(v) ? [{ v, value }] : [];
    });
  });
}
