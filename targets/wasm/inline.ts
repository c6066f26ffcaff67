/**
 * Calls of short functions, written out: a block that sets the function's parameters and ends with its value. A call saves all
 * that stands in registers, and hides what could be computed side by side; a sigmoid is some 25 instructions.
 */
import type { Wat } from "./wat.ts";

type List = readonly Wat[];
const isList = (wat: Wat | undefined): wat is List => Array.isArray(wat);
const isForm = (wat: Wat, ...heads: readonly string[]): boolean => isList(wat) && heads.includes(wat[0] as string);
const nameOf = (wat: Wat): string => wat[1 as keyof Wat] as string;

/**
 * The fields of a module with every call of the functions in `names` written out, and without these. They may call each other,
 * but not themselves.
 */
export function inline(fields: readonly Wat[], names: ReadonlySet<string>): readonly Wat[] {
  const short = new Map(
    fields.flatMap((f) => (isForm(f, "func") && names.has(nameOf(f)) ? [[nameOf(f), f as List] as const] : [])),
  );
  if (short.size === 0) return fields;
  return fields.flatMap((f) => (!isForm(f, "func") ? [f] : short.has(nameOf(f)) ? [] : [written(f as List, short)]));
}

/**
 * A function without calls of `short`. Values have no effects, so that one set of locals serves all places where a function is
 * written out: what its parameters are is computed before they are set.
 */
function written(func: List, short: ReadonlyMap<string, List>): List {
  const locals = new Map<string, Wat>();
  const visit = (wat: Wat): Wat => {
    if (!isList(wat)) return wat;
    const callee = wat[0] === "call" ? short.get(nameOf(wat)) : undefined;
    if (callee === undefined) return wat.map(visit);
    const own = (local: string): string => `${nameOf(wat)}.${local.slice(1)}`;
    const parts = callee.slice(2);
    const params = parts.filter((part) => isForm(part, "param"));
    for (const part of parts) {
      if (!isForm(part, "param", "local")) continue;
      locals.set(own(nameOf(part)), ["local", own(nameOf(part)), part[2 as keyof Wat] as Wat]);
    }
    return [
      "block",
      ...parts.filter((part) => isForm(part, "result")),
      ...params.map((param, i): Wat => ["local.set", own(nameOf(param)), visit(wat[2 + i])]),
      ...parts.filter((part) => !isForm(part, "param", "result", "local")).map((part) => visit(renamed(part, own))),
    ];
  };
  const head = func.filter((part) => !isList(part) || isForm(part, "export", "param", "result", "local"));
  const body = func.filter((part) => !head.includes(part)).map(visit);
  return [...head, ...locals.values(), ...body];
}

function renamed(wat: Wat, own: (local: string) => string): Wat {
  if (!isList(wat)) return wat;
  const isLocal = isForm(wat, "local.get", "local.set", "local.tee");
  return wat.map((part, i) => (isLocal && i === 1 ? own(part as string) : renamed(part, own)));
}
