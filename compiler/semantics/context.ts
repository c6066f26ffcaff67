/** Where an expression stands: what it may use, and where its ops go. */
import type { Noise } from "../../runtime/plan.ts";
import type { Span } from "../diagnostics/span.ts";
import type { Builder } from "../ir/builder.ts";
import * as dim from "../ir/dim.ts";
import type { Leaf, StatPolicy, Type, Value } from "../ir/types.ts";
import type { Expr, FunctionDecl, Name } from "../syntax/ast.ts";
import type { Spent } from "./limits.ts";
import type { Module, Modules } from "./modules.ts";
import type { Expansion, Problems } from "./problems.ts";
import type { Meeting } from "./ranges.ts";
import { type Binding, type Meaning, type Scope, spell } from "./scope.ts";

/** What one elaboration shares among all its parts. */
export interface World {
  readonly problems: Problems;
  readonly modules: Modules;
  /** Dimensions whose numbers are known: defaults and overrides of the entry. */
  readonly numbers: Readonly<Record<string, number>>;
  /** Extents the text asks for, and where; checked to be whole and positive once the numbers are known. */
  readonly extents: { readonly dim: dim.Dim; readonly span: Span; readonly expansions: readonly Expansion[] }[];
  /** Where an index meets what it selects from; looked at once the numbers are known. */
  readonly meetings: Meeting[];
  /** How many values the indices have that come from outside. */
  readonly indexSizes: World["extents"];
  /** Values that are constants, whatever is computed of them while the model runs. */
  readonly known: Map<Value, number>;
  /** What the file has used of its limits. */
  readonly spent: Spent;
  /** Names of leaves and of scopes that are taken. */
  readonly taken: Set<string>;
  /** Where the parameters among the leaves come from, by their names. */
  readonly sources: Map<string, Source>;
  /** How many calls were expanded so far. */
  readonly expanded: { calls: number };
}

/** Where a parameter comes from. */
export interface Source {
  /** As it is declared. */
  readonly name: string;
  /** Of the declaration, or of the placement that brings it. */
  readonly span: Span;
  /** The norm it belongs to, the site or parameter on which that stands, and the norm's option that it begins as. */
  readonly norm?: { readonly name: string; readonly site: string; readonly option: string | undefined };
}

/** What the text wants drawn from the random generator. */
export interface Draw {
  readonly noise: Noise;
  /** If the text says one. */
  readonly shape?: readonly dim.Dim[];
  /** The value each element of which gets a number: what varies over examples or steps gets one for each. */
  readonly like?: Type;
  /** One for each sequence, the same at all its steps. */
  readonly once: boolean;
  readonly span: Span;
}

export interface Context {
  readonly world: World;
  readonly problems: Problems;
  /** Whose declarations names of functions, norms and cells mean. */
  readonly module: Module;
  readonly scope: Scope;
  readonly builder: Builder;
  /** Functions being expanded around this place. */
  readonly calls: readonly FunctionDecl[];
  /** Why a declared name cannot be used here, if it cannot. */
  readonly forbids?: (binding: Binding) => string | undefined;
  /** Names that the body declares, wherever: for the message about what is used too early. */
  readonly later?: ReadonlyMap<string, Name>;
  /** Draws numbers, where there may be chance. */
  readonly draw?: (draw: Draw) => Meaning;
  /** In a norm on a parameter: that one. */
  readonly parameter?: { readonly name: string; readonly shape: readonly dim.Dim[] };
  /** Inside a `stat`, the one place that may look across examples. */
  readonly inStat?: true;
  readonly scan?: (e: Expr & { readonly kind: "scan" }) => Meaning;
  /** Reports that a value has no time axis to reduce over here; without it, the common message. */
  readonly timeless?: (span: Span) => void;
  /** Reports that a value is the same for all examples, so that there is no statistic to take over them. */
  readonly alike?: (span: Span) => void;
}

/** Every name that the statements of a body declare, as `later` needs them. */
export function declaredNames(
  body: readonly { readonly kind: string; readonly name?: Name; readonly names?: readonly Name[] }[],
): Map<string, Name> {
  const all = new Map<string, Name>();
  for (const s of body) for (const n of s.names ?? (s.name ? [s.name] : [])) all.set(spell(n), n);
  return all;
}

/** `name`, or `name_2`, `name_3`, … if it is taken; takes it. */
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

/** Adds a value that comes from outside to `b`. */
export function leaf(b: Builder, spec: Leaf, type: Type): Value {
  return b.one("leaf", [], { leaf: spec, type }, spec.name.split("/").at(-1));
}

/** Takes note that the text asks for the extent `d` at `span`. */
export function wanted(d: dim.Dim, span: Span, { world, problems }: Context): void {
  world.extents.push({ dim: d, span, expansions: problems.around });
}

/** Gives a value that has none its readable name. Names are hints in generated code, so this changes no meaning. */
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
