/** Matches the arguments of a call with parameters. */
import type { Code } from "../diagnostics/catalogue.ts";
import { didYouMean } from "../diagnostics/nearest.ts";
import type { Span } from "../diagnostics/span.ts";
import type { Arg, Expr, Name } from "../syntax/ast.ts";
import { argumentHabit } from "./habits.ts";
import type { Problems } from "./problems.ts";

export interface Parameter {
  readonly name: Name | string;
  readonly default?: Expr;
}

/** A parameter's argument: the caller's, or undefined for the default. */
export type Matched = ReadonlyMap<string, Arg | undefined>;

const nameOf = (p: Parameter): string => (typeof p.name === "string" ? p.name : p.name.text);

/** The arguments in the order of the parameters: positional ones, then named ones. Undefined after a report. */
export function matchArguments(
  callee: string,
  span: Span,
  params: readonly Parameter[],
  args: readonly Arg[],
  problems: Problems,
): Matched | undefined {
  const matched = new Map<string, Arg | undefined>();
  const wrong = (code: Code, at: Span, message: string, help?: string): void =>
    problems.error(code, at, message, { help });
  const names = params.map(nameOf);
  const signature = `${callee}(${names.join(", ")})`;
  let ok = true;
  let next = 0;
  for (const arg of args) {
    const name = arg.name?.text ?? names[next++];
    if (name === undefined) {
      wrong(
        "C0205",
        arg.span,
        `\`${callee}\` takes ${names.length} arguments, not ${args.length}`,
        `it is ${signature}`,
      );
      return undefined;
    }
    if (!names.includes(name)) {
      wrong(
        "C0206",
        arg.span,
        `\`${callee}\` has no argument \`${name}\``,
        argumentHabit(name, callee) ?? didYouMean(name, names) ?? `it is ${signature}`,
      );
      ok = false;
    } else if (matched.has(name)) {
      wrong("C0206", arg.span, `\`${callee}\` is given \`${name}\` twice`);
      ok = false;
    } else matched.set(name, arg);
  }
  for (const p of params) {
    const name = nameOf(p);
    if (matched.has(name)) continue;
    matched.set(name, undefined);
    if (p.default === undefined && ok) {
      wrong("C0205", span, `\`${callee}\` is not given \`${name}\``, `it is ${signature}`);
      ok = false;
    }
  }
  return ok ? new Map(names.map((name) => [name, matched.get(name)])) : undefined;
}
