/** Calls: of built-in functions, and of functions written in the language, which are expanded in place. */
import type { Span } from "../diagnostics/span.ts";
import type { Arg, Expr, FunctionDecl } from "../syntax/ast.ts";
import { matchArguments } from "./arguments.ts";
import { builtins } from "./builtins.ts";
import { mostParts, numeric } from "./constants.ts";
import type { Context } from "./context.ts";
import { evaluate } from "./expressions.ts";
import { initialisers } from "./initialisers.ts";
import { letStatement } from "./lets.ts";
import type { Module } from "./modules.ts";
import { didYouMean, type Meaning, poison, Scope } from "./scope.ts";

/** Calls grow as powers when functions call functions twice; real cells and models stay far below this. */
const mostExpansions = 10_000;

const iterateSignature = "iterate(f, n, start, …)";

type Call = Expr & { readonly kind: "call" };

export function call(e: Call, c: Context): Meaning {
  const name = e.callee.text;
  const declared = c.module.names.get(name);
  if (declared?.decl.kind === "fn") {
    const given = new Map(e.args.map((a) => [a, evaluate(a.value, c)]));
    return expand(e, given, declared.decl, declared.module, c);
  }
  if (declared === undefined && name === "iterate") return iterate(e, c);
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
    help: didYouMean(name, [...functions, ...Object.keys(builtins), "iterate"]),
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

/**
 * `iterate(f, n, start, …)`: f(… f(f(start, 0, …), 1, …) …, n − 1, …), the rounds of an inner loop of fixed length, one
 * behind the other in the graph.
 */
function iterate(e: Call, c: Context): Meaning {
  const wrong = (span: Span, message: string): Meaning => {
    c.problems.error("C0205", span, message, { help: `it is ${iterateSignature}` });
    return poison;
  };
  const [f, count, start, ...more] = e.args;
  if (start === undefined || e.over !== undefined || e.args.some((a) => a.name !== undefined))
    return wrong(
      e.span,
      "`iterate` takes a function, a number of rounds, what the first begins with, and what all are given",
    );
  const declared = f.value.kind === "name" ? c.module.names.get(f.value.name.text) : undefined;
  if (declared?.decl.kind !== "fn") return wrong(f.value.span, "this is no function");
  const { decl, module } = declared;
  const rounds = roundsOf(count, c);
  const common = more.map((a) => [a, evaluate(a.value, c)] as const);
  let carried = evaluate(start.value, c);
  if (rounds === undefined) return poison;
  for (let round = 0; round < rounds && carried.kind !== "poison"; round++) {
    const given = new Map([[start, carried], [count, { kind: "number", number: round }], ...common] as const);
    carried = expand({ ...e, args: [start, count, ...more] }, given, decl, module, c);
  }
  return carried;
}

/** A number of rounds that is known while compiling; undefined after a report. */
function roundsOf({ value: e }: Arg, c: Context): number | undefined {
  const n = numeric(e, c);
  if (n === undefined || (Number.isInteger(n) && n >= 0 && n <= mostParts)) return n;
  c.problems.error("C0222", e.span, `${n} is no number of rounds`, {
    label: `a whole number up to ${mostParts} is needed`,
  });
  return undefined;
}

function expand(e: Call, meanings: ReadonlyMap<Arg, Meaning>, decl: FunctionDecl, module: Module, c: Context): Meaning {
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
  if (matched === undefined) return poison;
  const scope = new Scope();
  const inner: Context = {
    ...c,
    module,
    scope,
    calls: [...c.calls, decl],
    forbids: undefined,
    scan: undefined,
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
