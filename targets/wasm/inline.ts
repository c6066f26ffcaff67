/**
 * Inlines calls of short functions: each becomes a block that sets the function's parameters and ends with its value. A call would
 * spill all registers, and hide independent computations from the processor; a sigmoid is about 25 instructions.
 */
import type { Wat } from "./wat.ts";

type List = readonly Wat[];
const isList = (wat: Wat | undefined): wat is List => Array.isArray(wat);
/** A list that begins with a keyword and a name. */
type Form = readonly [head: string, name: string, ...rest: Wat[]];
const isForm = (wat: Wat, ...heads: readonly string[]): boolean => isList(wat) && heads.includes(wat[0] as string);
const formsOf = (wats: readonly Wat[], ...heads: readonly string[]): readonly Form[] =>
  wats.filter((wat): wat is Form => isForm(wat, ...heads));

/**
 * The fields of a module with every call of the functions in `names` inlined, and without these functions. They may call each
 * other, but not themselves.
 */
export function inline(fields: readonly Wat[], names: ReadonlySet<string>): readonly Wat[] {
  const functions = formsOf(fields, "func").filter(([, name]) => names.has(name));
  const short = new Map(functions.map((f) => [f[1], f] as const));
  if (short.size === 0) return fields;
  const kept = fields.filter((f) => !(functions as readonly Wat[]).includes(f));
  return kept.map((f) => (isForm(f, "func") ? written(f as List, short) : f));
}

/**
 * A function without calls of `short`. Values have no effects, so one set of locals serves all places where a function is inlined:
 * its arguments are computed before its parameters are set.
 */
function written(func: List, short: ReadonlyMap<string, Form>): List {
  const locals = new Map<string, Wat>();
  const visit = (wat: Wat): Wat => {
    if (!isList(wat)) return wat;
    const callee = wat[0] === "call" ? short.get(wat[1] as string) : undefined;
    if (callee === undefined) return changed(wat, visit);
    const args = wat.slice(2);
    const own = (local: string): string => `${callee[1]}.${local.slice(1)}`;
    const parts = callee.slice(2);
    for (const [, name, type] of formsOf(parts, "param", "local")) locals.set(own(name), ["local", own(name), type]);
    return [
      "block",
      ...formsOf(parts, "result"),
      // All arguments first: one may be an inlined call of the same function, which sets its parameters.
      ...args.map(visit),
      ...formsOf(parts, "param")
        .map(([, name]): Wat => ["local.set", own(name)])
        .reverse(),
      ...parts.filter((part) => !isForm(part, "param", "result", "local")).map((part) => visit(renamed(part, own))),
    ];
  };
  const head = func.filter((part) => !isList(part) || isForm(part, "export", "param", "result", "local"));
  const body = func.filter((part) => !head.includes(part)).map(visit);
  return [...head, ...locals.values(), ...body];
}

/** The list with what `visit` makes of its lists: itself, if that is nothing new. */
function changed(list: List, visit: (wat: Wat) => Wat): List {
  let made: Wat[] | undefined;
  for (let i = 0; i < list.length; i++) {
    const part = list[i];
    if (typeof part === "string") continue;
    const other = visit(part);
    if (other === part) continue;
    made ??= [...list];
    made[i] = other;
  }
  return made ?? list;
}

function renamed(wat: Wat, own: (local: string) => string): Wat {
  if (!isList(wat)) return wat;
  const isLocal = isForm(wat, "local.get", "local.set", "local.tee");
  return wat.map((part, i) => (isLocal && i === 1 ? own(part as string) : renamed(part, own)));
}
