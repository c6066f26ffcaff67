/** Builds expressions, names and argument lists from the concrete tree. */
import type { CstNode, IToken } from "chevrotain";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { nearest } from "../diagnostics/nearest.ts";
import { join, type Span } from "../diagnostics/span.ts";
import type { Arg, AxisName, BinaryOperator, Expr, Name, NormRef, Over, OverAxis, Part } from "./ast.ts";
import { maybeNode, maybeToken, node, nodeSpan, nodes, token, tokenSpan, tokens } from "./cst.ts";
import { From, reservedWords } from "./tokens.ts";

export const axisNames: readonly AxisName[] = ["batch", "time", "whole", "feature", "first", "last"];

/** Inputs, outputs and dimensions are keys of JavaScript objects, in which this one has another meaning. */
const unusable = "__proto__";

export class ExprBuilder {
  readonly file: string;
  readonly diagnostics: Diagnostic[] = [];
  /** In a function: its name for the axes that it is given. */
  protected ownAxes: string | undefined;

  constructor(file: string) {
    this.file = file;
  }

  report(code: Diagnostic["code"], message: string, span: Span, label?: string, help?: string): void {
    this.diagnostics.push({ code, severity: "error", message, span, label, help });
  }

  /** A name that may be primed. */
  name(cst: CstNode): Name {
    const word = token(cst, "Identifier");
    const span = tokenSpan(word, this.file);
    const text = word.image.replace(/'+$/, "");
    const primes = word.image.length - text.length;
    if (primes > 1) {
      this.report("C0120", `\`${word.image}\` has more than one prime`, span, undefined, `write ${text}'`);
    } else if (reservedWords.includes(text)) {
      this.report("C0108", `\`${text}\` is a reserved word`, span, "a name is expected here", "choose another name");
    } else if (text === unusable) {
      this.report(
        "C0108",
        `\`${text}\` is a reserved word`,
        span,
        "objects of JavaScript have it",
        "choose another name",
      );
    }
    return { text, primed: primes > 0, span };
  }

  /** A name that must not be primed. */
  plainName(cst: CstNode): Name {
    const name = this.name(cst);
    if (name.primed) {
      const help = "primes are for equations, to name the next step's value of a state";
      this.report("C0120", `\`${name.text}'\` cannot be primed here`, name.span, undefined, help);
    }
    return { ...name, primed: false };
  }

  expression(cst: CstNode): Expr {
    const scan = maybeNode(cst, "scan");
    return scan === undefined ? this.choice(node(cst, "choice")) : this.scan(scan);
  }

  private scan(cst: CstNode): Expr {
    const [args, named] = [maybeNode(cst, "args"), maybeNode(cst, "named")];
    const [marks, froms] = [nodes(cst, "mark"), nodes(cst, "from")];
    const parts = [...tokens(cst, "reset"), ...froms.map((f) => token(f, "From")), ...tokens(cst, "Reverse")];
    for (const [i, part] of parts.entries()) {
      if (parts.findIndex(({ image }) => image === part.image) === i) continue;
      const help = part.tokenType === From ? "separate first states by commas: from h = a, c = b" : "remove one";
      this.report("C0110", `\`${part.image}\` stands here twice`, tokenSpan(part, this.file), undefined, help);
    }
    return {
      kind: "scan",
      cell: this.plainName(node(cst, "name")),
      args: args === undefined ? [] : this.args(args, "the cell").args,
      ...(named && { as: this.plainName(named) }),
      over: nodes(cst, "comparison").map((c) => this.comparison(c)),
      ...(marks.length > 0 && { reset: this.comparison(marks[0]) }),
      from: froms
        .flatMap((f) => nodes(f, "first"))
        .map((c) => ({
          name: this.plainName(node(c, "name")),
          value: this.comparison(node(c, "comparison")),
          span: nodeSpan(c, this.file),
        })),
      reverse: maybeToken(cst, "Reverse") !== undefined,
      span: nodeSpan(cst, this.file),
    };
  }

  private choice(cst: CstNode): Expr {
    return this.chain(cst, nodes(cst, "conjunction"), (c) =>
      this.chain(c, nodes(c, "negation"), (n) => this.negation(n)),
    );
  }

  private negation(cst: CstNode): Expr {
    const inner = node(cst, "comparison");
    const operand = this.comparison(inner);
    const nots = tokens(cst, "Not");
    // `not(a) * b` is `not (a * b)` to some readers and `(not a) * b` to others.
    if (nots.length > 0 && beginsWithBracket(inner) && !isBracketed(inner)) {
      const help = "put brackets around what `not` belongs to: (not a) * b, or not (a * b)";
      this.report(
        "C0107",
        "this `not` may belong to less or more",
        tokenSpan(nots[nots.length - 1], this.file),
        undefined,
        help,
      );
    }
    return nots.reduceRight<Expr>((e, not) => this.not(not, e), operand);
  }

  private not(word: IToken, operand: Expr): Expr {
    return { kind: "unary", op: "not", operand, span: join(tokenSpan(word, this.file), operand.span) };
  }

  /** `and(a, b)`, `or(a, b, c)`, `not(a)`: the operators, written as calls. */
  private logic(word: IToken, cst: CstNode): Expr {
    const span = nodeSpan(cst, this.file);
    const { args, over } = this.args(node(cst, "args"), "the function");
    const isNot = word.image === "not";
    const wrong =
      over !== undefined || args.some((a) => a.name !== undefined) || (isNot ? args.length !== 1 : args.length < 2);
    if (wrong) {
      const help = isNot ? "write `not a`" : `write \`a ${word.image} b\``;
      this.report(
        "C0107",
        `\`${word.image}\` takes ${isNot ? "one value" : "two values or more"}`,
        span,
        undefined,
        help,
      );
    }
    const [first = { kind: "number", value: 0, text: "0", span } as const, ...others] = args.map((a) => a.value);
    const e = isNot
      ? this.not(word, first)
      : others.reduce((a, b) => this.binary(word.image as BinaryOperator, a, b), first);
    return { ...e, span };
  }

  comparison(cst: CstNode): Expr {
    return this.chain(cst, nodes(cst, "sum"), (c) =>
      this.chain(c, nodes(c, "product"), (p) => this.chain(p, nodes(p, "signed"), (s) => this.signed(s))),
    );
  }

  /** `a ∘ b ∘ c`, associating to the left. */
  private chain(cst: CstNode, operands: readonly CstNode[], build: (cst: CstNode) => Expr): Expr {
    const operators = tokens(cst, "operator");
    return operands.slice(1).reduce<Expr>((left, operand, i) => {
      return this.binary(operators[i].image as BinaryOperator, left, build(operand));
    }, build(operands[0]));
  }

  private binary(op: BinaryOperator, left: Expr, right: Expr): Expr {
    return { kind: "binary", op, left, right, span: join(left.span, right.span) };
  }

  private signed(cst: CstNode): Expr {
    return tokens(cst, "Minus").reduceRight<Expr>(
      (operand, minus) => ({
        kind: "unary",
        op: "-",
        operand,
        span: join(tokenSpan(minus, this.file), operand.span),
      }),
      this.multiple(node(cst, "multiple")),
    );
  }

  private multiple(cst: CstNode): Expr {
    const power = this.power(node(cst, "power"));
    const factor = maybeToken(cst, "NumberLiteral");
    return factor === undefined ? power : this.binary("*", this.number(factor), power);
  }

  private power(cst: CstNode): Expr {
    const base = this.primary(node(cst, "primary"));
    const exponent = maybeNode(cst, "signed");
    return exponent === undefined ? base : this.binary("^", base, this.signed(exponent));
  }

  private number(word: IToken): Expr {
    return { kind: "number", value: Number(word.image), text: word.image, span: tokenSpan(word, this.file) };
  }

  private primary(cst: CstNode): Expr {
    return nodes(cst, "parts").reduce<Expr>(
      (of, parts) => {
        const span = join(of.span, nodeSpan(parts, this.file));
        return { kind: "part", of, parts: nodes(parts, "part").map((p) => this.part(p)), span };
      },
      this.atom(node(cst, "atom")),
    );
  }

  private part(cst: CstNode): Part {
    const [from, to] = [maybeNode(cst, "from"), maybeNode(cst, "to")].map((e) => e && this.expression(e));
    const span = nodeSpan(cst, this.file);
    if (maybeToken(cst, "Colon") === undefined && from !== undefined) return { kind: "entry", at: from, span };
    return { kind: "entries", ...(from && { from }), ...(to && { to }), span };
  }

  private atom(cst: CstNode): Expr {
    const number = maybeToken(cst, "NumberLiteral");
    if (number !== undefined) return this.number(number);
    const text = maybeToken(cst, "StringLiteral");
    if (text !== undefined)
      return { kind: "string", value: text.image.replace(/^"|"$/g, ""), span: tokenSpan(text, this.file) };
    const list = maybeNode(cst, "list");
    if (list !== undefined) {
      return { kind: "list", items: this.list(list), span: nodeSpan(list, this.file) };
    }
    const inner = maybeNode(cst, "expression");
    // The span includes the brackets: `4(H)` must not look like `4H`.
    if (inner !== undefined) return { ...this.expression(inner), span: nodeSpan(cst, this.file) };
    const logic = maybeToken(cst, "logic");
    if (logic !== undefined) return this.logic(logic, cst);
    const [args, member] = [maybeNode(cst, "args"), maybeNode(cst, "member")];
    if (member !== undefined && args === undefined) {
      const [of, name] = [this.plainName(node(cst, "name")), this.plainName(member)];
      return { kind: "member", of, name, span: nodeSpan(cst, this.file) };
    }
    if (args === undefined) {
      const name = this.name(node(cst, "name"));
      return { kind: "name", name, span: name.span };
    }
    const callee = this.plainName(node(cst, "name"));
    if (member !== undefined)
      this.report("C0107", "a result has no members", nodeSpan(member, this.file), undefined, "name a scan with `as`");
    return { kind: "call", callee, ...this.args(args, "the function"), span: nodeSpan(cst, this.file) };
  }

  /** The items of `[a, b]`. */
  list(cst: CstNode): readonly Expr[] {
    return nodes(cst, "expression").map((c) => this.expression(c));
  }

  normRef(name: CstNode, args: CstNode | undefined): NormRef {
    const read = this.plainName(name);
    const list = args === undefined ? [] : this.args(args, "the norm").args;
    return {
      name: read,
      args: list,
      span: args === undefined ? read.span : join(read.span, nodeSpan(args, this.file)),
    };
  }

  /** An argument list. Only functions have an `over`; it and named arguments come after the others. */
  private args(cst: CstNode, of: "the function" | "the norm" | "the cell"): { args: readonly Arg[]; over?: Over } {
    const args: Arg[] = [];
    let over: Over | undefined;
    for (const arg of nodes(cst, "arg")) {
      const span = nodeSpan(arg, this.file);
      const axes = maybeNode(arg, "over");
      if (axes !== undefined) {
        if (over !== undefined) {
          const help = "several axes stand in brackets: over (batch, time)";
          this.report("C0118", "`over` stands twice among the arguments", span, undefined, help);
        }
        over = this.over(node(axes, "axes"));
        if (of !== "the function") {
          this.report("C0118", `${of} takes no \`over\``, over.span, "only functions such as mean and sum do");
        }
        continue;
      }
      const name = maybeNode(arg, "name");
      const value = this.expression(node(arg, "expression"));
      if (name !== undefined) {
        args.push({ name: this.plainName(name), value, span });
        continue;
      }
      const named = args.find((a) => a.name !== undefined)?.name;
      if (over !== undefined)
        this.report("C0118", "an argument without a name follows `over`", span, undefined, "put it first, or name it");
      else if (named !== undefined) {
        const label = `after \`${named.text} = …\``;
        this.report("C0118", "an argument without a name follows a named one", span, label, "put it first, or name it");
      }
      args.push({ value, span });
    }
    return over === undefined ? { args } : { args, over };
  }

  /** The axes after `over`. */
  protected over(cst: CstNode): Over {
    const axes = nodes(cst, "name").flatMap((c): OverAxis[] => {
      const name = this.name(c);
      if (name.text === this.ownAxes && !name.primed) return [{ parameter: name.text, span: name.span }];
      const axis = axisNames.find((a) => a === name.text);
      if (axis !== undefined && !name.primed) return [{ axis, span: name.span }];
      const guess = nearest(name.text, [...axisNames, ...(this.ownAxes === undefined ? [] : [this.ownAxes])]);
      const help =
        guess === undefined
          ? "the axes are batch, time, whole, feature, first and last; a sequence along another time axis is over time, too, and all its steps at once are over whole"
          : `did you mean \`${guess}\`?`;
      this.report("C0116", `\`${name.text}\` is not an axis`, name.span, undefined, help);
      return [];
    });
    return { axes, span: nodeSpan(cst, this.file) };
  }
}

/** Whether an expression's first word is an opening bracket. */
function beginsWithBracket(cst: CstNode): boolean {
  const start = nodeSpan(cst, "").start;
  return bracketsBelow(cst).some((bracket) => bracket.startOffset === start);
}

function bracketsBelow(cst: CstNode): readonly IToken[] {
  return Object.values(cst.children).flatMap((group) =>
    group.flatMap((child) => ("children" in child ? bracketsBelow(child) : child.image === "(" ? [child] : [])),
  );
}

/** Whether an expression is in brackets as a whole: on the way down to them, nothing stands beside them. */
function isBracketed(cst: CstNode): boolean {
  if (cst.name === "atom") return maybeNode(cst, "expression") !== undefined;
  const parts = Object.values(cst.children).flat();
  return parts.length === 1 && "children" in parts[0] && isBracketed(parts[0]);
}
