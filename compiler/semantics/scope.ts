/** The names of one body and their meanings. */
import type { Init } from "../../runtime/plan.ts";
import { didYouMean } from "../diagnostics/nearest.ts";
import type { Span } from "../diagnostics/span.ts";
import type { Dim } from "../ir/dim.ts";
import type { Value } from "../ir/types.ts";
import type { Name } from "../syntax/ast.ts";
import type { Problems } from "./problems.ts";

/** The meaning of an expression. */
export type Meaning =
  | { readonly kind: "value"; readonly value: Value }
  /** A compile-time number, which becomes a constant where a tensor is needed. */
  | { readonly kind: "number"; readonly number: number }
  /** An extent, likewise. */
  | { readonly kind: "dim"; readonly dim: Dim }
  /** `"same"`, which chooses how a function works. */
  | { readonly kind: "text"; readonly text: string }
  /** `[k, H / k]`, or the parts of `split`. */
  | { readonly kind: "list"; readonly items: readonly Meaning[] }
  /** `uniform(0.1)`: how a parameter of some shape begins. Undefined after a report; `span` is where it is said to begin so. */
  | { readonly kind: "init"; readonly of: (shape: readonly Dim[], span: Span) => Init | undefined }
  /**
   * `none`, an absent value. A parameter initialised with `none` does not exist, and an addition, subtraction, multiplication or
   * division with `none` is its other operand.
   */
  | { readonly kind: "none" }
  /** An error that has been reported already: nothing computed from it reports another. */
  | { readonly kind: "poison" };

export const poison: Meaning = { kind: "poison" };

export type Origin =
  | "dimension"
  | "param"
  | "const"
  | "input"
  | "target"
  | "state"
  | "next"
  | "site"
  | "let"
  | "stat"
  | "argument"
  | "cell";

export interface Binding {
  readonly name: Name;
  readonly origin: Origin;
  readonly meaning: Meaning;
  used: boolean;
}

export const spell = (name: Name): string => (name.primed ? `${name.text}'` : name.text);

export class Scope {
  private readonly bindings = new Map<string, Binding>();

  /** Gives `name` a meaning. A second meaning for the same name is reported, and the first one stays. */
  declare(name: Name, origin: Origin, meaning: Meaning, problems: Problems): void {
    const key = spell(name);
    const first = this.bindings.get(key);
    if (first === undefined) {
      this.bindings.set(key, { name, origin, meaning, used: false });
      return;
    }
    problems.error("C0202", name.span, `\`${key}\` already has a meaning`, {
      label: origin === "next" ? "a state is given its next value once" : "a name is given a meaning once",
      help: "choose another name",
      notes: [{ span: first.name.span, message: "first declared here" }],
    });
  }

  has(key: string): boolean {
    return this.bindings.has(key);
  }

  find(key: string): Binding | undefined {
    return this.bindings.get(key);
  }

  names(): readonly string[] {
    return [...this.bindings.keys()];
  }

  all(): Iterable<Binding> {
    return this.bindings.values();
  }

  /** The declared name closest to `text`, as a help line. */
  suggestion(text: string, others: Iterable<string> = []): string | undefined {
    return didYouMean(text, [...this.bindings.keys(), ...others]);
  }
}
