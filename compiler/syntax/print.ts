/** Prints single nodes of the syntax tree back as text, on one line. */
import type {
  Arg,
  CellStmt,
  Declaration,
  Expr,
  Import,
  ModelStmt,
  NormRef,
  NormStmt,
  Over,
  Part,
  Shape,
  SiteRef,
} from "./ast.ts";

type Statement = CellStmt | NormStmt | ModelStmt;

/** Levels of precedence, loosest first. */
const level = {
  ...{ scan: 0, choice: 1, conjunction: 2, negation: 3, comparison: 4 },
  ...{ sum: 5, product: 6, signed: 7, multiple: 8, power: 9, primary: 10 },
} as const;
type Level = (typeof level)[keyof typeof level];

const operators: Record<string, Level> = {
  or: level.choice,
  and: level.conjunction,
  "<": level.comparison,
  "<=": level.comparison,
  ">": level.comparison,
  ">=": level.comparison,
  "==": level.comparison,
  "!=": level.comparison,
  "+": level.sum,
  "-": level.sum,
  "*": level.product,
  "/": level.product,
  "@": level.product,
  "^": level.power,
};

/** The text of an expression as the formatter writes it: with minimal brackets, and `4H` as it was written. */
export function printExpr(e: Expr): string {
  switch (e.kind) {
    case "number":
      return e.text === "" ? String(e.value) : e.text;
    case "string":
      return `"${e.value}"`;
    case "name":
      return e.name.primed ? `${e.name.text}'` : e.name.text;
    case "list":
      return `[${e.items.map(printItem).join(", ")}]`;
    case "part":
      return `${printAt(e.of, level.primary)}[${e.parts.map(printPart).join(", ")}]`;
    case "unary":
      return e.op === "not" ? `not ${negated(e.operand)}` : `-${printAt(e.operand, level.signed)}`;
    case "binary": {
      const own = levelOf(e);
      if (own === level.multiple) return `${printExpr(e.left)}${printAt(e.right, level.power)}`;
      if (own === level.power) return `${printAt(e.left, level.primary)}^${printAt(e.right, level.signed)}`;
      // Sums and products associate to the left; comparisons do not chain at all.
      // `r * h @ W` would be (r * h) @ W by the rules, but no reader is sure of that, so those brackets stay.
      const unsure = e.op === "@" && e.left.kind === "binary" && e.left.op !== "@";
      const left = own === level.comparison ? level.sum : unsure ? level.signed : own;
      return `${printAt(e.left, left)} ${e.op} ${printAt(e.right, (own + 1) as Level)}`;
    }
    case "call":
      return `${e.callee.text}(${[...e.args.map(printArg), ...(e.over ? [printOver(e.over)] : [])].join(", ")})`;
    case "member":
      return `${e.of.text}.${e.name.text}`;
    case "scan": {
      const args = e.args.length === 0 ? "" : printArgs(e.args);
      const as = e.as ? ` as ${e.as.text}` : "";
      const over = e.over.map((x) => printAt(x, level.comparison)).join(", ");
      const first = e.from.map(({ name, value }) => `${name.text} = ${printAt(value, level.comparison)}`).join(", ");
      const reset = e.reset ? ` reset ${printAt(e.reset, level.comparison)}` : "";
      const from = first && ` from ${first}`;
      return `scan ${e.cell.text}${args}${as} over ${over}${reset}${from}${e.reverse ? " reverse" : ""}`;
    }
    default:
      return e satisfies never;
  }
}

function printAt(e: Expr, least: Level): string {
  return levelOf(e) < least ? `(${printExpr(e)})` : printExpr(e);
}

/** What `not` applies to. If it begins with a bracket, this must be around the whole, so that nobody wonders what `not` belongs to. */
function negated(e: Expr): string {
  const text = printAt(e, level.negation);
  return text.startsWith("(") && levelOf(e) >= level.negation ? `(${text})` : text;
}

function levelOf(e: Expr): Level {
  if (e.kind === "scan") return level.scan;
  if (e.kind === "unary" && e.op === "not") return level.negation;
  if (e.kind === "unary" || (e.kind === "number" && printExpr(e).startsWith("-"))) return level.signed;
  if (e.kind === "binary") return isMultiple(e) ? level.multiple : operators[e.op];
  return level.primary;
}

/** Whether a product was written without an operator, as `4H`. Only the spans tell: number and name touch. */
function isMultiple(e: Expr & { kind: "binary" }): boolean {
  if (e.op !== "*" || e.left.kind !== "number" || levelOf(e.left) !== level.primary) return false;
  if (e.left.span.end !== e.right.span.start) return false;
  const base = e.right.kind === "binary" && e.right.op === "^" ? e.right.left : e.right;
  const word =
    base.kind === "name"
      ? base.name.text
      : base.kind === "call"
        ? base.callee.text
        : base.kind === "member"
          ? base.of.text
          : undefined;
  // `1` followed by `e5` would read as the number 1e5.
  return word !== undefined && !/^[eE]\d/.test(word);
}

/** Prints an item of a list. Commas separate items, so a scan over several sequences, or from several states, needs brackets. */
function printItem(e: Expr): string {
  return e.kind === "scan" && Math.max(e.over.length, e.from.length) > 1 ? `(${printExpr(e)})` : printExpr(e);
}

function printPart(part: Part): string {
  if (part.kind === "entry") return printItem(part.at);
  return `${part.from ? printItem(part.from) : ""}:${part.to ? printItem(part.to) : ""}`;
}

function printArg(arg: Arg): string {
  return arg.name === undefined ? printItem(arg.value) : `${arg.name.text} = ${printItem(arg.value)}`;
}

function printArgs(args: readonly Arg[]): string {
  return `(${args.map(printArg).join(", ")})`;
}

function printOver(over: Over): string {
  return `over ${printAxes(over)}`;
}

function printAxes(over: Over): string {
  const axes = over.axes.map((a) => ("axis" in a ? a.axis : a.parameter));
  return axes.length === 1 ? axes[0] : `(${axes.join(", ")})`;
}

export function printNorm(norm: NormRef): string {
  return norm.args.length === 0 ? norm.name.text : norm.name.text + printArgs(norm.args);
}

export function printShape(shape: Shape): string {
  return shape.kind === "like" ? `like ${shape.name.text}` : `[${shape.dims.map(printItem).join(", ")}]`;
}

/** `hh`, `rnn.hh`, `a/1`. */
export function printSite({ scope, site, rounds = [] }: SiteRef): string {
  return [scope === undefined ? site.text : `${scope.text}.${site.text}`, ...rounds].join("/");
}

/**
 * A statement as columns, which are aligned in a run of similar statements: what is declared, its type, its value.
 * `["param Wx", "[D, 4H]", "orthogonal"]` prints as `param Wx : [D, 4H] = orthogonal`.
 */
export type Columns = readonly [head: string, type?: string, value?: string];

export function printStatement(s: Statement): Columns {
  switch (s.kind) {
    case "param":
    case "const":
    case "state": {
      const overTime = s.kind === "state" && s.overTime ? " over time" : "";
      return [`${s.kind} ${s.name.text}`, printShape(s.shape) + overTime, printExpr(s.init)];
    }
    case "input":
    case "target": {
      const type = s.type.kind === "index" ? `index(${printItem(s.type.size)})` : printShape(s.type.shape);
      const axis = s.axis === undefined ? "" : ` ${s.axis.text}`;
      return [`${s.kind} ${s.name.text}`, s.overTime ? `${type} over time${axis}` : type];
    }
    case "place": {
      const sites = s.sites.map(printSite);
      return [`place ${sites.join(", ")}`, printNorm(s.norm)];
    }
    case "dim":
    case "site":
    case "stat":
    case "metric":
      return [`${s.kind} ${s.name.text} = ${printExpr(s.value)}`];
    case "let":
      return [`${s.names.map((n) => (n.primed ? `${n.text}'` : n.text)).join(", ")} = ${printExpr(s.value)}`];
    case "loss":
      return [`loss ${printExpr(s.value)}`];
    case "output": {
      // A scan would read the values after it as further sequences.
      const last = s.values.length - 1;
      const values = s.values.map((v, i) => (v.kind === "scan" && i < last ? `(${printExpr(v)})` : printExpr(v)));
      return [`output ${values.join(", ")}`];
    }
    default:
      return s satisfies never;
  }
}

export function printImport(i: Import): string {
  return `import { ${i.names.map((n) => n.text).join(", ")} } from "${i.from}"`;
}

/** What precedes the body: `cell lstm(D, H = 100)`, `cell bnlstm = lstm with`. */
export function printHeader(d: Declaration): string {
  if (d.kind === "derived") return `${d.of} ${d.name.text} = ${d.base.text} with`;
  const parameters = (): readonly string[] => {
    switch (d.kind) {
      case "cell":
      case "model":
        return d.params.map((p) =>
          p.kind === "cell" ? `cell ${p.name.text} = ${p.default.text}` : withDefault(p.name.text, p.default),
        );
      case "norm":
        return [d.operand.text, ...d.args.map((a) => withDefault(a.name.text, a.default))];
      case "fn": {
        const axes = d.axes && `over ${d.axes.name.text}${d.axes.default ? ` = ${printAxes(d.axes.default)}` : ""}`;
        return [...d.args.map((a) => withDefault(a.name.text, a.default)), ...(axes === undefined ? [] : [axes])];
      }
      default:
        return d satisfies never;
    }
  };
  return `${d.kind} ${d.name.text}(${parameters().join(", ")})`;
}

function withDefault(name: string, value: Expr | undefined): string {
  return value === undefined ? name : `${name} = ${printItem(value)}`;
}
