/** Checks names in the bodies of norms and functions, which are otherwise elaborated only where they are used. */
import { didYouMean } from "../diagnostics/nearest.ts";
import type { Span } from "../diagnostics/span.ts";
import type { Expr, FunctionDecl, Name, NormDecl, Shape } from "../syntax/ast.ts";
import { memberHabit } from "../syntax/member-habits.ts";
import { builtins } from "./builtins.ts";
import { initialisers, isInitialiser } from "./initialisers.ts";
import type { Module } from "./modules.ts";
import { isNewAxis } from "./parts.ts";
import type { Problems } from "./problems.ts";
import { spell } from "./scope.ts";
import { functionHelp } from "./unknown-functions.ts";

/** Reports unknown names, duplicate names and primes in the body of `decl`. */
export function checkBody(decl: NormDecl | FunctionDecl, module: Module, problems: Problems): void {
  const known = new Map<string, Span>();
  const declare = (name: Name): void => {
    const first = known.get(spell(name));
    if (first === undefined) known.set(spell(name), name.span);
    else {
      problems.error("C0202", name.span, `\`${spell(name)}\` already has a meaning`, {
        label: "a name is given a meaning once",
        help: "choose another name",
        notes: [{ span: first, message: "first declared here" }],
      });
    }
  };
  const use = (name: Name, initial: boolean): void => {
    const key = spell(name);
    if (known.has(key) || key === "none" || (key === "pi" && !module.names.has(key)) || module.damaged.has(name.text))
      return;
    if (initial && Object.hasOwn(initialisers, key)) return;
    if (name.primed && known.has(name.text)) {
      problems.error("C0212", name.span, `\`${name.text}\` is not a state, so it has no next value`, {
        label: `there is no \`${key}\``,
        help: `write \`${name.text}\``,
      });
      return;
    }
    const later = decl.body.flatMap((s) => (s.kind === "let" ? s.names : [s.name])).find((n) => spell(n) === key);
    if (later !== undefined) {
      problems.error("C0203", name.span, `\`${key}\` is used before it is defined`, {
        label: "not known yet",
        help: "move this line down, or that one up",
        notes: [{ span: later.span, message: "defined here" }],
      });
      return;
    }
    problems.error("C0201", name.span, `there is no \`${key}\` here`, {
      label: "unknown name",
      help: () => didYouMean(key, known.keys()),
    });
  };
  const visit = (e: Expr, initial = false): void => {
    switch (e.kind) {
      case "number":
      case "string":
        return;
      case "name":
        use(e.name, initial);
        return;
      case "list":
        for (const i of e.items) visit(i, initial);
        return;
      case "part":
        visit(e.of, initial);
        for (const p of e.parts) {
          if (isNewAxis(p, known)) continue;
          const bounds = p.kind === "entry" ? [p.at] : [p.from, p.to];
          for (const bound of bounds) if (bound !== undefined) visit(bound);
        }
        return;
      case "unary":
        visit(e.operand, initial);
        return;
      case "binary":
        visit(e.left, initial);
        visit(e.right, initial);
        return;
      case "call": {
        const name = e.callee.text;
        const called = module.names.has(name) || Object.hasOwn(builtins, name);
        const initialises = initial && isInitialiser(name);
        if (!called && !initialises && !module.damaged.has(name)) {
          problems.error("C0201", e.callee.span, `there is no function \`${name}\``, {
            help: () => functionHelp(name, module),
          });
        }
        // A function's name passed as an argument is not a value: it is looked up where it is expanded.
        const values = builtins[name]?.takesFunction && !module.names.has(name) ? e.args.slice(1) : e.args;
        for (const a of values) visit(a.value, initial);
        return;
      }
      case "member":
        problems.error("C0201", e.of.span, `\`${e.of.text}\` has no \`${e.name.text}\``, {
          label: "only scans of models have parts with names",
          help: memberHabit(e.of.text, e.name.text, false),
        });
        return;
      case "scan":
        problems.error("C0223", e.span, "`scan` is only allowed in models", {
          label: "this is not a model's statement",
        });
        return;
      default:
        e satisfies never;
    }
  };
  const shape = (s: Shape): void => {
    if (s.kind === "like") use(s.name, false);
    else for (const d of s.dims) visit(d);
  };

  if (decl.kind === "norm") declare(decl.operand);
  for (const a of decl.args) {
    // A default may use the arguments before it; a norm's may be an initialiser.
    // How statistics are kept is not an argument but is said like one.
    if (decl.kind === "norm" && a.name.text === "stats") continue;
    if (a.default !== undefined) visit(a.default, decl.kind === "norm");
    declare(a.name);
  }
  for (const s of decl.body) {
    if ("shape" in s) {
      shape(s.shape);
      visit(s.init, s.kind !== "state");
    } else visit(s.value);
    if (s.kind === "let") s.names.forEach(declare);
    else declare(s.name);
  }
  visit(decl.result);
}
