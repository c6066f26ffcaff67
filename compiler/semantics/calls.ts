/** Calls: of built-in functions, and of functions written in the language, which are expanded in place. */
import type { Expr, FunctionDecl } from "../syntax/ast.ts";
import { matchArguments } from "./arguments.ts";
import { builtins } from "./builtins.ts";
import type { Context } from "./context.ts";
import { evaluate } from "./expressions.ts";
import { initialisers } from "./initialisers.ts";
import { letStatement } from "./lets.ts";
import type { Module } from "./modules.ts";
import { didYouMean, type Meaning, poison, Scope } from "./scope.ts";

/** Calls grow as powers when functions call functions twice; real cells and models stay far below this. */
const mostExpansions = 10_000;

type Call = Expr & { readonly kind: "call" };

export function call(e: Call, c: Context): Meaning {
  const name = e.callee.text;
  const declared = c.module.names.get(name);
  if (declared?.decl.kind === "fn") return expand(e, declared.decl, declared.module, c);
  if (declared === undefined && Object.hasOwn(builtins, name)) return callBuiltin(e, c);
  if (declared === undefined) unknownFunction(e, c);
  else if (declared.decl.kind !== "poisoned") {
    const kind = declared.decl.kind === "derived" ? declared.decl.of : declared.decl.kind;
    const help = kind === "norm" ? `place ${name} on a site: place s : ${name}` : `scan it: scan ${name}(…) over x`;
    c.problems.error("C0201", e.callee.span, `\`${name}\` is a ${kind}, not a function`, {
      help: kind === "model" ? undefined : help,
    });
  }
  return poison;
}

function unknownFunction(e: Call, c: Context): void {
  const name = e.callee.text;
  const isInit = Object.hasOwn(initialisers, name);
  const functions = [...c.module.names].flatMap(([n, d]) => (d.decl.kind === "fn" ? [n] : []));
  c.problems.error("C0201", e.callee.span, `there is no function \`${name}\``, {
    label: isInit ? "an initialiser, which stands after a parameter's `=` only" : undefined,
    help: didYouMean(name, [...functions, ...Object.keys(builtins)]),
  });
}

function callBuiltin(e: Call, c: Context): Meaning {
  const name = e.callee.text;
  const row = builtins[name];
  const meanings = e.args.map((a) => evaluate(a.value, c));
  const wrong = (message: string): Meaning => {
    c.problems.error("C0205", e.span, message, { help: `it is ${row.signature}` });
    return poison;
  };
  if (e.args.some((a) => a.name !== undefined)) return wrong(`\`${name}\` takes its arguments in order, without names`);
  if (e.args.length < row.arity[0] || e.args.length > row.arity[1])
    return wrong(`\`${name}\` cannot take ${e.args.length} argument${e.args.length === 1 ? "" : "s"}`);
  if (e.over !== undefined && !row.reduces) return wrong(`\`${name}\` does not reduce over axes`);
  if (meanings.some((m) => m.kind === "poison")) return poison;
  return row.apply({ name, span: e.span, args: meanings, spans: e.args.map((a) => a.value.span), over: e.over, c });
}

function expand(e: Call, decl: FunctionDecl, module: Module, c: Context): Meaning {
  const name = decl.name.text;
  if (c.calls.includes(decl)) {
    c.problems.error("C0220", e.callee.span, `\`${name}\` is expanded inside itself`, {
      label: "a function cannot call itself",
      help: "what repeats over time is a cell with a state",
    });
    return poison;
  }
  if (++c.world.expanded.calls > mostExpansions) {
    c.problems.error("C0220", e.callee.span, `more than ${mostExpansions} calls are expanded`, {
      label: "functions that call others many times over",
      help: "give what is computed again and again a name",
    });
    return poison;
  }
  if (e.over !== undefined) {
    c.problems.error("C0206", e.over.span, `\`${name}\` does not reduce over axes`, {
      help: "sum, mean and max do",
    });
    return poison;
  }
  const matched = matchArguments(name, e.span, decl.args, e.args, c.problems);
  const given = e.args.map((a) => [a, evaluate(a.value, c)] as const);
  if (matched === undefined) return poison;
  const meanings = new Map(given);
  const scope = new Scope();
  const inner: Context = {
    ...c,
    module,
    scope,
    calls: [...c.calls, decl],
    forbids: undefined,
    scan: undefined,
    noise: undefined,
  };
  return c.problems.within({ name, span: e.span }, () => {
    for (const arg of decl.args) {
      const own = matched.get(arg.name.text);
      const meaning = own ? meanings.get(own)! : evaluate(arg.default!, inner);
      scope.declare(arg.name, "argument", meaning, c.problems);
    }
    for (const s of decl.body) letStatement(s, inner);
    return evaluate(decl.result, inner);
  });
}
