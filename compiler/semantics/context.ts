/** The context of an expression: what it may use, and where its ops go. */
import type { Noise } from "../../runtime/plan.ts";
import type { Span } from "../diagnostics/span.ts";
import type { Builder } from "../ir/builder.ts";
import * as dim from "../ir/dim.ts";
import type { Leaf, StatPolicy, Type, Value } from "../ir/types.ts";
import type { AxisName, Expr, FunctionDecl, Name, SiteStmt } from "../syntax/ast.ts";
import type { AllSteps } from "./all-steps.ts";
import type { IndexUse } from "./index-bounds.ts";
import type { Spent } from "./limits.ts";
import type { Module, Modules } from "./modules.ts";
import type { Expansion, Problems } from "./problems.ts";
import { type Binding, type Meaning, type Scope, spell } from "./scope.ts";
import type { Rounds } from "./site-names.ts";

/** The state that all parts of one elaboration share. */
export interface World {
  readonly problems: Problems;
  readonly modules: Modules;
  /** The numbers of dimensions that are known: defaults and overrides of the entry. */
  readonly numbers: Readonly<Record<string, number>>;
  /** The numbers of the entry's parameters that are no dimensions. */
  readonly plain: Readonly<Record<string, number>>;
  /** The extents in the text, with their places; checked to be whole and positive once the numbers are known. */
  readonly extents: { readonly dim: dim.Dim; readonly span: Span; readonly expansions: readonly Expansion[] }[];
  /** Where an index selects from something; checked once the numbers are known. */
  readonly indexUses: IndexUse[];
  /** The number of values of each index that is an input. */
  readonly indexSizes: World["extents"];
  /** The name of the parameter that a value is, or is made of by the norm placed on it. */
  readonly parameters: Map<Value, string>;
  /** Values that are compile-time constants. */
  readonly known: Map<Value, number>;
  /** Values that are 1 or 0 because `and` or `or` made them. */
  readonly truths: Set<Value>;
  /** How much of its limits the file has used. */
  readonly spent: Spent;
  /** Names of leaves and of scopes that are taken. */
  readonly taken: Set<string>;
  /** Where each parameter comes from, by its name. */
  readonly sources: Map<string, Source>;
  /** Why the graph lacks something, if it does: a file is only checked, and a dimension without a number decides what there is. */
  readonly incomplete: { because?: "parts" };
  /** How many calls have been expanded so far. */
  readonly expanded: { calls: number };
}

/** Where a parameter comes from. */
export interface Source {
  /** The name in its declaration. */
  readonly name: string;
  /** The span of its declaration, or of the placement that introduces it. */
  readonly span: Span;
  /** The norm it belongs to, the site or parameter that the norm is placed on, and the norm's option with its initial value. */
  readonly norm?: { readonly name: string; readonly site: string; readonly option: string | undefined };
}

/** A request to draw from the random generator. */
export interface Draw {
  readonly noise: Noise;
  /** If the text gives one. */
  readonly shape?: readonly dim.Dim[];
  /** The type of a value whose every element gets a number, for each example and step if it varies with them. */
  readonly like?: Type;
  /** Whether to draw once for each sequence, the same at all its steps. */
  readonly once: boolean;
  readonly span: Span;
}

/** An axis to reduce over, and where the text says so. */
export interface GivenAxis {
  readonly axis: AxisName;
  readonly span: Span;
}

export interface Context {
  readonly world: World;
  readonly problems: Problems;
  /** Where names of functions, norms and cells are looked up. */
  readonly module: Module;
  readonly scope: Scope;
  readonly builder: Builder;
  /** Functions being expanded around this place. */
  readonly calls: readonly FunctionDecl[];
  /** In a function that is given axes: those. */
  readonly axes?: readonly GivenAxis[];
  /** Why a declared name cannot be used here, if it cannot. */
  readonly forbids?: (binding: Binding) => string | undefined;
  /** What to do instead of using a forbidden name. */
  readonly instead?: (binding: Binding) => string | undefined;
  /** All names that the body declares, for the message about a name used too early. */
  readonly later?: ReadonlyMap<string, Name>;
  /** Draws numbers, where randomness is allowed. */
  readonly draw?: (draw: Draw) => Meaning;
  /** In a norm on a parameter: that parameter. */
  readonly parameter?: { readonly name: string; readonly shape: readonly dim.Dim[] };
  /** The number of this step, where there are steps. */
  readonly step?: (span: Span) => Meaning;
  /** The number of each example's steps, where whole sequences are known. */
  readonly steps?: (span: Span) => Meaning;
  /** Set inside a `stat`, the only place that may reduce over examples. */
  readonly inStat?: true;
  /** Records a reduction over examples, where one may be: in a model, in which no output may depend on it. */
  readonly acrossExamples?: (made: Value, span: Span) => void;
  /** Adds the site of a function that is called here. Undefined where there are no sites. */
  readonly site?: (s: SiteStmt, c: Context) => Meaning;
  /** The rounds of `iterate` that are being expanded. */
  readonly rounds?: Rounds;
  readonly scan?: (e: Expr & { readonly kind: "scan" }) => Meaning;
  /** A parameter or state of one of the model's scans. */
  readonly member?: (e: Expr & { readonly kind: "member" }) => Meaning;
  /** In an initialiser: what an expression means there only. `c` is its own context, which may be that of a function's body. */
  readonly initial?: (e: Expr, c: Context) => Meaning | undefined;
  /** Where values may have all steps of a sequence at once. */
  readonly allSteps?: AllSteps;
  /** Reports that a value has no time axis to reduce over. Default: the general message. */
  readonly timeless?: (span: Span) => void;
  /** Reports that a value is the same for all examples, so that it has no statistics over them. */
  readonly batchless?: (span: Span) => void;
}

/** Every name that the statements of a body declare, as `later` needs them. */
export function declaredNames(
  body: readonly { readonly kind: string; readonly name?: Name; readonly names?: readonly Name[] }[],
): Map<string, Name> {
  const all = new Map<string, Name>();
  for (const s of body) for (const n of s.names ?? (s.name ? [s.name] : [])) all.set(spell(n), n);
  return all;
}

/** Claims `name`, or `name_2`, `name_3`, … if it is taken. */
export function claim(name: string, taken: Set<string>): string {
  let free = name;
  for (let n = 2; taken.has(free); n++) free = `${name}_${n}`;
  taken.add(free);
  return free;
}

/** Numbers drawn for `what`, as a leaf of `b`, named after both. */
export function drawn(noise: Noise, what: string, type: Type, b: Builder, taken: Set<string>): Value {
  const name = claim(`${noise.distribution === "bernoulli" ? "mask" : "noise"}/${what}`, taken);
  return leaf(b, { kind: "noise", name, ...noise }, type);
}

/** Adds a leaf to `b`. */
export function leaf(b: Builder, spec: Leaf, type: Type): Value {
  return b.one("leaf", [], { leaf: spec, type }, spec.name.split("/").at(-1));
}

/** Records that the text has the extent `d` at `span`. */
export function wanted(d: dim.Dim, span: Span, { world, problems }: Context): void {
  world.extents.push({ dim: d, span, expansions: problems.around });
}

/** Gives a value a readable name if it has none. Names are only hints in generated code. */
export function hint(value: Value, name: string): Value {
  if (value.name === "") (value as { name: string }).name = name;
  return value;
}

/** `[D, 4H]`: a shape in the user's terms, without batch and time. */
export function showShape(shape: readonly dim.Dim[]): string {
  return `[${shape.map(dim.show).join(", ")}]`;
}

export const perStep: StatPolicy = { kind: "per_step", steps: "steps" };
export const shared: StatPolicy = { kind: "shared" };
