/** Calls of built-in functions, and of functions written in the language, which are expanded in place. */
import { didYouMean } from "../diagnostics/nearest.ts";
import { hasAllSteps } from "../ir/steps.ts";
import type { Arg, Expr, FunctionDecl, Over, SiteStmt } from "../syntax/ast.ts";
import { refuseAllSteps } from "./all-steps.ts";
import { matchArguments } from "./arguments.ts";
import { type Builtin, type BuiltinCall, bracketsOfScan, type Option } from "./builtin.ts";
import { builtins } from "./builtins.ts";
import type { Context, GivenAxis } from "./context.ts";
import { evaluate } from "./expressions.ts";
import { argumentHabit } from "./habits.ts";
import { initialisers } from "./initialisers.ts";
import { letStatement } from "./lets.ts";
import { maxExpansions, maxNestedCalls, reportLimit } from "./limits.ts";
import type { Module } from "./modules.ts";
import { type Meaning, poison, Scope } from "./scope.ts";
import { noRounds, roundOf } from "./site-names.ts";
import { advice, elsewhere, functionHelp } from "./unknown-functions.ts";

type Call = Expr & { readonly kind: "call" };

export function call(e: Call, c: Context): Meaning {
  const name = e.callee.text;
  const declared = c.module.names.get(name);
  if (declared?.decl.kind === "fn") {
    const given = new Map(e.args.map((a) => [a, evaluate(a.value, c)]));
    return expand(e, given, declared.decl, declared.module, c);
  }
  if (declared === undefined && Object.hasOwn(builtins, name)) return callBuiltin(e, c);
  if (declared?.decl.kind === "poisoned" || (declared === undefined && c.module.damaged.has(name))) {
    // What its arguments name is used, and their own mistakes are mistakes.
    for (const { value } of e.args) evaluate(value, c);
  } else if (declared === undefined) unknownFunction(e, c);
  else {
    const kind = declared.decl.kind === "derived" ? declared.decl.of : declared.decl.kind;
    const scanned = c.scan
      ? `scan it: scan ${name}(…) over x, from h = … if it does not begin as the cell says`
      : `cells do not call cells: a model scans one after the other, scan ${name}(…) over x`;
    const help = kind === "norm" ? `place ${name} on a site: place s : ${name}` : scanned;
    c.problems.error("C0201", e.callee.span, `\`${name}\` is a ${kind}, not a function`, {
      help: kind === "model" ? undefined : help,
    });
  }
  return poison;
}

function unknownFunction(e: Call, c: Context): void {
  const name = e.callee.text;
  if (c.module.damaged.has(name)) return;
  const isInit = Object.hasOwn(initialisers, name);
  c.problems.error("C0201", e.callee.span, `there is no function \`${name}\``, {
    label: isInit ? "an initialiser, which is only allowed after a parameter's `=`" : undefined,
    help: () =>
      isInit && !Object.hasOwn(elsewhere, name) && !Object.hasOwn(advice, name)
        ? "where a value is needed, write a number, such as 0: it stands for every element"
        : functionHelp(name, c.module),
  });
}

function callBuiltin(e: Call, c: Context): Meaning {
  const name = e.callee.text;
  const row = builtins[name];
  const values = row.takesFunction ? e.args.slice(1) : e.args;
  const args = values.map((a) => evaluate(a.value, c));
  const wrong = (message: string, help?: string): Meaning => {
    const spans = e.args.map((a) => a.value.span);
    c.problems.error("C0205", e.span, message, { help: bracketsOfScan(spans, c) ?? help ?? `it is ${row.signature}` });
    return poison;
  };
  const given = e.args.filter((a) => a.name === undefined).length;
  if (row.options === undefined && given < e.args.length)
    return wrong(`\`${name}\` takes its arguments in order, without names`, argumentHabits(e));
  if (given < row.arity[0] || given > row.arity[1])
    return wrong(`\`${name}\` cannot take ${given} argument${given === 1 ? "" : "s"}`);
  const options = optionsOf(e, row, c);
  if (options === undefined || !takesOver(e, row, c)) return poison;
  const f = row.takesFunction ? functionOf(e.args[0], e, c) : undefined;
  if ((row.takesFunction && f === undefined) || args.some((m) => m.kind === "poison")) return poison;
  const inOrder = values.flatMap((a, i) => (a.name === undefined ? [{ span: a.value.span, meaning: args[i] }] : []));
  const own = { args: inOrder.map(({ meaning }) => meaning), spans: inOrder.map(({ span }) => span) };
  const whole = own.args.findIndex((m) => m.kind === "value" && hasAllSteps(m.value.type));
  if (whole >= 0 && !row.takesAllSteps && !row.takesFunction)
    return refuseAllSteps(`\`${name}\` is not defined for a value`, e.span, own.spans[whole], c);
  return row.apply({ name, span: e.span, ...own, over: e.over && axesIn(e.over, c), options, ...(f && { f }), c });
}

const argumentHabits = ({ args, callee }: Call): string | undefined =>
  args.flatMap(({ name }) => (name && argumentHabit(name.text, callee.text)) ?? [])[0];

/** The axes after `over`: those that the text names, and those that the function around it is given. */
const axesIn = ({ axes }: Over, c: Context): readonly GivenAxis[] =>
  axes.flatMap((a) => ("axis" in a ? [a] : (c.axes ?? [])));

/** The axes that a call of `decl` is given, or its defaults; undefined after a report. */
function givenAxes(e: Call, { name, axes }: FunctionDecl, c: Context): readonly GivenAxis[] | undefined {
  // `iterate(f, …)` has no axes for f.
  const over = e.callee.text === name.text ? e.over : undefined;
  if (over !== undefined && axes === undefined) {
    c.problems.error("C0206", over.span, `\`${name.text}\` does not reduce over axes`, {
      help: `sum, mean and max do, and functions that name them: fn ${name.text}(x, over axes = feature) { … }`,
    });
    return undefined;
  }
  if (over !== undefined) return axesIn(over, c);
  if (axes === undefined || axes.default !== undefined) return axes?.default ? axesIn(axes.default, c) : [];
  c.problems.error("C0205", e.span, `\`${name.text}\` is not given axes`, {
    help: `say which: ${name.text}(x, over feature)`,
  });
  return undefined;
}

/** The options of a call: those given, and the defaults of the others. Undefined after a report. */
function optionsOf(e: Call, { options = {}, signature }: Builtin, c: Context): BuiltinCall["options"] | undefined {
  const name = e.callee.text;
  const found = new Map<string, Option>();
  for (const { name: option, value } of e.args) {
    if (option === undefined) continue;
    const { text } = option;
    if (!Object.hasOwn(options, text) || found.has(text)) {
      const message = found.has(text) ? `is given \`${text}\` twice` : `has no option \`${text}\``;
      c.problems.error("C0206", option.span, `\`${name}\` ${message}`, {
        help: () => (found.has(text) ? undefined : didYouMean(text, Object.keys(options))) ?? `it is ${signature}`,
      });
      return undefined;
    }
    found.set(text, { meaning: evaluate(value, c), span: value.span, isGiven: true });
  }
  const byDefault = (of: number | string): Meaning =>
    typeof of === "string" ? { kind: "text", text: of } : { kind: "number", number: of };
  return Object.fromEntries(
    Object.entries(options).map(([text, of]) => [
      text,
      found.get(text) ?? { meaning: byDefault(of), span: e.span, isGiven: false },
    ]),
  );
}

/** Whether the function takes the call's `over`, if there is one. Reports it if not. */
function takesOver({ callee, over }: Call, { reduces, along, signature }: Builtin, c: Context): boolean {
  if (over === undefined || reduces) return true;
  const name = callee.text;
  if (along === undefined) {
    c.problems.error("C0205", over.span, `\`${name}\` does not reduce over axes`, { help: `it is ${signature}` });
    return false;
  }
  const [axis, ...others] = axesIn(over, c);
  // An axis that there is not has been reported.
  if (axis === undefined) return false;
  if (others.length === 0 && along.includes(axis.axis)) return true;
  const allowed = along.map((a) => `over ${a}`).join(" or ");
  c.problems.error("C0215", over.span, `\`${name}\` works along one axis: ${allowed}`, { help: `it is ${signature}` });
  return false;
}

/** The function that an argument names; undefined after a report. */
function functionOf({ value }: Arg, e: Call, c: Context): BuiltinCall["f"] {
  const declared = value.kind === "name" ? c.module.names.get(value.name.text) : undefined;
  if (declared?.decl.kind === "fn") {
    const { decl, module } = declared;
    const around = c.rounds ?? noRounds();
    return (meanings, round) => {
      if (meanings[0]?.kind === "list" && decl.args.length > meanings.length) {
        c.problems.error("C0205", e.span, `\`${decl.name.text}\` is given a list, which is one argument`, {
          help: `name its items in the function: fn ${decl.name.text}(xs, …) { x, y = xs`,
        });
        return poison;
      }
      const given = new Map(meanings.map((m) => [{ ...e.args[0] }, m]));
      return expand(e, given, decl, module, { ...c, rounds: roundOf(around, round) });
    };
  }
  if (value.kind === "name" && c.module.damaged.has(value.name.text)) return undefined;
  c.problems.error("C0205", value.span, "this is not a function", {
    help: `it is ${builtins[e.callee.text].signature}`,
  });
  return undefined;
}

/** Expands a function. `given` has the arguments in order, with their meanings. */
function expand(e: Call, given: ReadonlyMap<Arg, Meaning>, decl: FunctionDecl, module: Module, c: Context): Meaning {
  const name = decl.name.text;
  if (c.calls.includes(decl)) {
    c.problems.error("C0220", e.callee.span, `\`${name}\` is expanded inside itself`, {
      label: "a function cannot call itself",
      help: "what repeats over time is a cell with a state",
    });
    return poison;
  }
  if (++c.world.expanded.calls > maxExpansions) {
    c.problems.error("C0220", e.callee.span, `more than ${maxExpansions} calls are expanded`, {
      label: "functions that call others many times over",
      help: "give what is computed again and again a name",
    });
    return poison;
  }
  if (c.calls.length >= maxNestedCalls) {
    reportLimit("functions are expanded inside each other", maxNestedCalls, e.callee.span, c.problems);
    return poison;
  }
  const axes = givenAxes(e, decl, c);
  if (axes === undefined) return poison;
  const matched = matchArguments(name, e.span, decl.args, [...given.keys()], c.problems);
  if (matched === undefined) return poison;
  const scope = new Scope();
  const inner: Context = {
    ...c,
    module,
    scope,
    calls: [...c.calls, decl],
    axes,
    forbids: undefined,
    instead: undefined,
    scan: undefined,
    member: undefined,
  };
  return c.problems.within({ name, span: e.span }, () => {
    for (const arg of decl.args) {
      const own = matched.get(arg.name.text);
      const meaning = own ? given.get(own)! : evaluate(arg.default!, inner);
      scope.declare(arg.name, "argument", meaning, c.problems);
    }
    for (const s of decl.body) {
      if (s.kind === "let") letStatement(s, inner);
      else scope.declare(s.name, "site", siteIn(s, inner), c.problems);
    }
    return evaluate(decl.result, inner);
  });
}

/** The site of a function, as one of the cell or model that calls it. */
function siteIn(s: SiteStmt, c: Context): Meaning {
  if (c.site !== undefined) return c.site(s, c);
  c.problems.error("C0223", s.name.span, "a site cannot be here", {
    label: "norms and initial values have no sites",
    help: "call a function with sites in an equation of a cell or model",
  });
  return poison;
}
