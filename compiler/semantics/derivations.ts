/** Resolves `cell a = b with { … }`: the declaration at the end of the chain, and what the chain changes. */
import { didYouMean } from "../diagnostics/nearest.ts";
import type { CellDecl, DerivedDecl, ModelDecl, Name, ParamStmt, PlaceStmt, StateStmt } from "../syntax/ast.ts";
import type { Declared, Module } from "./modules.ts";
import type { Problems } from "./problems.ts";

/** A statement, with the module in which its names are looked up. */
export interface InModule<S> {
  readonly stmt: S;
  readonly module: Module;
}

export interface Resolved<D extends CellDecl | ModelDecl> {
  /** The name of the derived declaration. */
  readonly name: string;
  readonly decl: D;
  readonly module: Module;
  /** Statements that replace the base's; the last one in the chain counts. */
  readonly params: ReadonlyMap<string, InModule<ParamStmt>>;
  readonly states: ReadonlyMap<string, InModule<StateStmt>>;
  /** Those of the whole chain, the base's first. */
  readonly placements: readonly InModule<PlaceStmt>[];
}

type Base<K> = K extends "cell" ? CellDecl : ModelDecl;

/** Follows the chain of `declared`. Undefined after a report. */
export function resolve<K extends "cell" | "model">(
  kind: K,
  declared: Declared,
  problems: Problems,
): Resolved<Base<K>> | undefined {
  const chain: InModule<DerivedDecl>[] = [];
  let at = declared;
  while (at.decl.kind === "derived") {
    const decl = at.decl;
    const again = chain.findIndex((d) => d.stmt === decl);
    if (again >= 0) {
      const circle = chain.slice(again).map((d) => d.stmt);
      // The same member of the cycle wherever it is entered, so that it is reported once.
      const first = circle.reduce((x, y) => (y.base.span.start < x.base.span.start ? y : x));
      problems.error("C0220", first.base.span, `\`${first.name.text}\` is derived from itself`, {
        label: circle.length > 1 ? circle.map((d) => `\`${d.name.text}\``).join(" → ") : "this is the same name",
        help: `begin the chain with a ${decl.of} that has a body`,
      });
      return undefined;
    }
    chain.push({ stmt: decl, module: at.module });
    const base = find(kind, decl.base, at.module, problems);
    if (base === undefined) return undefined;
    at = base;
  }
  if (at.decl.kind !== kind) return undefined;
  const decl = at.decl as Base<K>;
  const place = (body: readonly { readonly kind: string }[], module: Module): InModule<PlaceStmt>[] =>
    body.flatMap((s) => (s.kind === "place" ? [{ stmt: s as PlaceStmt, module }] : []));
  const params = new Map<string, InModule<ParamStmt>>();
  const states = new Map<string, InModule<StateStmt>>();
  const placements = place(decl.body, at.module);
  for (const { stmt, module } of chain.reverse()) {
    placements.push(...place(stmt.body, module));
    for (const s of stmt.body) {
      if (s.kind === "place") continue;
      // A parameter may become a constant, and a constant a parameter.
      const candidates = namesOf(decl, s.kind === "state" ? s.kind : "param");
      if (!candidates.includes(s.name.text)) {
        problems.error("C0201", s.name.span, `\`${stmt.base.text}\` has no ${s.kind} \`${s.name.text}\``, {
          label: "`with` changes what is there",
          help: () => didYouMean(s.name.text, candidates),
        });
      } else if (s.kind === "state") states.set(s.name.text, { stmt: s, module });
      else params.set(s.name.text, { stmt: s, module });
    }
  }
  return { name: declared.decl.name.text, decl, module: at.module, params, states, placements };
}

/** The cell (or model) that `name` declares. Undefined after a report. */
export function find(kind: "cell" | "model", name: Name, module: Module, problems: Problems): Declared | undefined {
  const declared = module.names.get(name.text);
  if (declared === undefined) {
    if (module.damaged.has(name.text)) return undefined;
    const candidates = [...module.names].flatMap(([n, d]) => (kindOf(d) === kind ? [n] : []));
    problems.error("C0210", name.span, `there is no ${kind} \`${name.text}\``, {
      label: `unknown ${kind}`,
      help: () => didYouMean(name.text, candidates) ?? elsewhere(kind, name.text, candidates),
    });
    return undefined;
  }
  const is = kindOf(declared);
  if (is === kind) return declared;
  if (is !== "poisoned") {
    problems.error("C0210", name.span, `\`${name.text}\` is a ${is === "fn" ? "function" : is}, not a ${kind}`, {
      label: `a ${kind} is needed here`,
    });
  }
  return undefined;
}

/** What there is, and where a name that is not there may come from. */
function elsewhere(kind: string, name: string, candidates: readonly string[]): string {
  const there =
    candidates.length > 0 ? `${kind}s of this file are ${candidates.join(", ")}` : `this file has no ${kind}s`;
  return `${there}; import one of another file at the top of this one: import { ${name} } from "./${name}.cell"`;
}

const kindOf = (d: Declared): string => (d.decl.kind === "derived" ? d.decl.of : d.decl.kind);

function namesOf(decl: CellDecl | ModelDecl, kind: "param" | "state"): readonly string[] {
  const names: string[] = [];
  for (const s of decl.body) if (s.kind === kind || (s.kind === "const" && kind === "param")) names.push(s.name.text);
  return names;
}
