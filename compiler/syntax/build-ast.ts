/** Builds the syntax tree from the concrete tree, and checks what the grammar leaves open: which statements are allowed where. */
import type { CstNode } from "chevrotain";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { join, type Span } from "../diagnostics/span.ts";
import type {
  AxesArg,
  CellParam,
  CellStmt,
  Declaration,
  DimParam,
  Expr,
  File,
  FunctionArg,
  FunctionStmt,
  Import,
  InputStmt,
  ModelStmt,
  Name,
  NormStmt,
  ParamStmt,
  PlaceStmt,
  Shape,
  SiteRef,
  StateStmt,
} from "./ast.ts";
import { axisNames, ExprBuilder } from "./build-expr.ts";
import { maybeNode, maybeToken, node, nodeSpan, nodes, token, tokenSpan, tokens } from "./cst.ts";

/** A value on a line of its own, which ends a norm or a function. */
interface ValueStmt {
  readonly kind: "value";
  readonly value: Expr;
  readonly span: Span;
}

type Statement = CellStmt | NormStmt | ModelStmt | ValueStmt;

type Place = "cell" | "derived" | "norm" | "fn" | "model";

const allowed = {
  cell: ["dim", "param", "const", "input", "state", "site", "let", "output", "place"],
  model: ["dim", "param", "const", "input", "target", "site", "let", "output", "place", "loss", "metric"],
  derived: ["place", "param", "const", "state"],
  norm: ["param", "state", "stat", "let", "value"],
  fn: ["site", "let", "value"],
} as const satisfies Record<Place, readonly Statement["kind"][]>;

const inWords: Record<Place, string> = {
  cell: "a cell",
  derived: "the body of `with`",
  norm: "a norm",
  fn: "a function",
  model: "a model",
};

/** Builds the tree without what could not be read. Diagnostics are in the order of the tree, not of the text. */
export function buildAst(cst: CstNode, span: Span): { file: File; diagnostics: readonly Diagnostic[] } {
  const builder = new AstBuilder(span.file);
  const file = builder.build(cst, span);
  return { file, diagnostics: builder.diagnostics };
}

class AstBuilder extends ExprBuilder {
  build(cst: CstNode, span: Span): File {
    const imports: Import[] = [];
    const declarations: Declaration[] = [];
    for (const item of nodes(cst, "item")) {
      if (item.recoveredNode) continue;
      const statement = maybeNode(item, "statement");
      const declaration = maybeNode(item, "declaration");
      if (statement !== undefined) this.outside(statement);
      else if (declaration !== undefined) {
        const built = this.declaration(declaration);
        if (built !== undefined) declarations.push(built);
      } else {
        const built = this.import(node(item, "import"));
        imports.push(built);
        if (declarations.length > 0) {
          const label = `after \`${declarations[0].name.text}\``;
          this.report("C0119", "imports belong at the top of the file", built.span, label, "move it up");
        }
      }
    }
    return { kind: "file", imports, declarations, span };
  }

  private outside(cst: CstNode): void {
    const help = "put it in a cell, norm, fn or model";
    this.report("C0111", "this statement is outside of any declaration", nodeSpan(cst, this.file), undefined, help);
  }

  private import(cst: CstNode): Import {
    const from = token(cst, "StringLiteral");
    return {
      kind: "import",
      names: nodes(cst, "name").map((c) => this.plainName(c)),
      from: from.image.replace(/^"|"$/g, ""),
      fromSpan: tokenSpan(from, this.file),
      span: nodeSpan(cst, this.file),
    };
  }

  private declaration(cst: CstNode): Declaration | undefined {
    const header = node(cst, "header");
    if (header.recoveredNode) return undefined;
    const word = token(header, "word").image as "cell" | "model" | "norm" | "fn";
    const name = this.plainName(node(header, "name"));
    const span = nodeSpan(cst, this.file);
    const block = node(cst, "block");
    const base = maybeNode(header, "base");
    const parameters = base === undefined ? nodes(node(header, "parameters"), "parameter") : [];
    const axes = this.axesArg(word, parameters);
    this.ownAxes = axes?.name.text;
    const lines = nodes(block, "line").filter((line) => !line.recoveredNode);
    const read = lines.map((line) => this.statements(node(line, "statement")));
    const statements = read.flat();
    const complete = lines.length === nodes(block, "line").length && read.every(({ length }) => length > 0);
    this.ownAxes = undefined;
    if (base !== undefined) {
      if (word === "norm" || word === "fn") {
        const help = `write \`${word} ${name.text}(x) { … }\``;
        this.report(
          "C0112",
          `a ${word} cannot be derived with \`with\``,
          join(name.span, nodeSpan(base, this.file)),
          undefined,
          help,
        );
        return undefined;
      }
      const body = this.only<PlaceStmt | ParamStmt | StateStmt>(statements, "derived");
      return { kind: "derived", of: word, name, base: this.plainName(base), body, span };
    }
    const values = parameters.filter((p) => maybeToken(p, "Over") === undefined);
    switch (word) {
      case "cell":
        return {
          kind: "cell",
          name,
          params: values.flatMap((p) => this.dimParam(p) ?? []),
          body: this.only<CellStmt>(statements, "cell"),
          span,
        };
      case "model":
        return {
          kind: "model",
          name,
          params: values.flatMap((p) => this.modelParam(p) ?? []),
          body: this.only<ModelStmt>(statements, "model"),
          span,
        };
      case "norm":
        return this.norm(name, values, statements, complete, span);
      case "fn": {
        const args = values.map((p): FunctionArg => this.functionArg(p));
        const body = this.only<FunctionStmt | ValueStmt>(statements, "fn");
        const result = this.result(name, body, complete);
        const own = body.filter((s) => s.kind !== "value");
        return result && { kind: "fn", name, args, ...(axes && { axes }), body: own, result, span };
      }
    }
  }

  private norm(
    name: Name,
    parameters: readonly CstNode[],
    statements: readonly Statement[],
    complete: boolean,
    span: Span,
  ): Declaration | undefined {
    const [operand, ...args] = parameters.map((p) => this.functionArg(p));
    const body = this.only<NormStmt | ValueStmt>(statements, "norm");
    const result = this.result(name, body, complete);
    if (operand === undefined) {
      const help = `write \`norm ${name.text}(x)\``;
      this.report("C0112", "a norm needs the value it is placed on", name.span, "without parameters", help);
      return undefined;
    }
    if (operand.default !== undefined) {
      this.report("C0112", "the value a norm is placed on has no default", operand.default.span);
    }
    const defaults = args.flatMap((a) => {
      if (a.default !== undefined) return [{ name: a.name, default: a.default }];
      const help = `write \`${a.name.text} = …\`: what it is where \`place\` does not say`;
      this.report("C0112", `the norm's argument \`${a.name.text}\` has no default`, a.name.span, undefined, help);
      return [];
    });
    if (result === undefined) return undefined;
    const rest = body.filter((s) => s.kind !== "value");
    return { kind: "norm", name, operand: operand.name, args: defaults, body: rest, result, span };
  }

  /** The last line of a norm or function must be a value, and no line before it may be one. */
  private result(name: Name, body: readonly Statement[], complete: boolean): Expr | undefined {
    const last = body[body.length - 1];
    for (const statement of body.slice(0, -1)) if (statement.kind === "value") this.unused(statement);
    if (last?.kind === "value") return last.value;
    // If a line could not be read, it may have been the result.
    if (complete) {
      const help = "end it with the value alone on a line";
      this.report("C0117", `\`${name.text}\` has no result`, name.span, "its last line is not a value", help);
    }
    return undefined;
  }

  private unused({ span, value }: ValueStmt): void {
    const arrow = value.kind === "binary" && value.op === "<" && value.right.kind === "unary";
    const help = arrow
      ? "an equation is written with ="
      : "give it a name (`a = …`); only the last line of a norm or function is a value alone";
    this.report("C0117", "this value goes nowhere", span, undefined, help);
  }

  /** The statements that are allowed in this kind of body; the others are reported. */
  private only<S extends Statement>(statements: readonly Statement[], place: Place): S[] {
    const kinds: readonly string[] = allowed[place];
    return statements.filter((statement): statement is S => {
      if (kinds.includes(statement.kind)) return true;
      if (statement.kind === "value") this.unused(statement);
      else {
        const word = statement.kind === "let" ? "an equation" : `\`${statement.kind}\``;
        const words = kinds.filter((k) => k !== "value").map((k) => (k === "let" ? "equations" : `\`${k}\``));
        const help =
          statement.kind === "state" && place === "model"
            ? "states belong to cells: declare a cell, and scan it: hs = scan lstm(D, H) over x"
            : `allowed here: ${words.join(", ")}`;
        this.report("C0223", `${word} is not allowed in ${inWords[place]}`, statement.span, undefined, help);
      }
      return false;
    });
  }

  /** `over axes = feature` in a header. Only functions have it, and it comes last. */
  private axesArg(word: string, parameters: readonly CstNode[]): AxesArg | undefined {
    const cst = parameters.find((p) => maybeToken(p, "Over") !== undefined);
    if (cst === undefined) return undefined;
    const span = nodeSpan(cst, this.file);
    if (word !== "fn") {
      this.report("C0112", "only functions are given axes", span, undefined, "drop `over`");
      return undefined;
    }
    if (cst !== parameters.at(-1)) {
      this.report("C0118", "`over` comes last among the parameters", span, undefined, "move it to the end");
      return undefined;
    }
    const name = this.plainName(node(cst, "name"));
    if (axisNames.some((axis) => axis === name.text)) {
      const help = "write `over axes`, or `over axes = feature` with a default";
      this.report(
        "C0112",
        `\`${name.text}\` is an axis, and this names those that are given`,
        name.span,
        undefined,
        help,
      );
      return undefined;
    }
    const axes = maybeNode(cst, "axes");
    return axes === undefined ? { name } : { name, default: this.over(axes) };
  }

  private functionArg(cst: CstNode): FunctionArg {
    const name = this.plainName(node(cst, "name"));
    const value = maybeNode(cst, "expression");
    if (maybeToken(cst, "Cell") !== undefined) {
      this.report("C0112", "only models have cells as parameters", nodeSpan(cst, this.file), undefined, "drop `cell`");
    }
    return value === undefined ? { name } : { name, default: this.expression(value) };
  }

  private dimParam(cst: CstNode): DimParam | undefined {
    return { kind: "dim", ...this.functionArg(cst) };
  }

  private modelParam(cst: CstNode): DimParam | CellParam | undefined {
    if (maybeToken(cst, "Cell") === undefined) return this.dimParam(cst);
    const name = this.plainName(node(cst, "name"));
    const value = maybeNode(cst, "expression");
    const expr = value && this.expression(value);
    if (expr?.kind === "name" && !expr.name.primed) return { kind: "cell", name, default: expr.name };
    const help = `write \`cell ${name.text} = lstm\``;
    const span = expr?.span ?? name.span;
    this.report(
      "C0112",
      `the parameter \`cell ${name.text}\` needs the name of a cell as its default`,
      span,
      undefined,
      help,
    );
    return undefined;
  }

  /** The statements of a line. Several names, as in `state h, c : [H] = 0`, are as many declarations; none, after a report. */
  private statements(cst: CstNode): readonly Statement[] {
    const span = nodeSpan(cst, this.file);
    const [rule] = Object.keys(cst.children);
    const inner = node(cst, rule);
    const value = maybeNode(inner, "expression");
    switch (rule) {
      case "param": {
        const kind = token(inner, "word").image as "param" | "const" | "state";
        const shape = this.shape(node(inner, "shape"));
        const init = this.expression(value!);
        const axis = maybeNode(inner, "axis");
        const names = this.declared(inner);
        if (kind === "state") {
          if (axis !== undefined) this.onlyTime(kind, axis);
          return names.map((name) => ({ kind, name, shape, ...(axis && { overTime: true }), init, span }));
        }
        if (axis !== undefined) {
          const at = nodeSpan(axis, this.file);
          this.report("C0116", `a ${kind} is the same at all steps`, at, undefined, "leave it out");
        }
        return names.map((name) => ({ kind, name, shape, init, span }));
      }
      case "inputs":
        return this.inputs(inner, span);
      case "named": {
        const kind = token(inner, "word").image as "site" | "stat" | "metric";
        return [{ kind, name: this.plainName(node(inner, "name")), value: this.expression(value!), span }];
      }
      case "dim":
        return [{ kind: "dim", name: this.plainName(node(inner, "name")), value: this.expression(value!), span }];
      case "loss":
        return [{ kind: "loss", value: this.expression(value!), span }];
      case "output":
        return [{ kind: "output", values: nodes(inner, "expression").map((c) => this.expression(c)), span }];
      case "place": {
        const sites = nodes(inner, "site").map((c) => this.site(c));
        return [{ kind: "place", sites, norm: this.normRef(node(inner, "name"), maybeNode(inner, "args")), span }];
      }
      default: {
        const equation = this.equation(inner, span);
        return equation === undefined ? [] : [equation];
      }
    }
  }

  /** The names that a line declares: `h, c`. */
  private declared(cst: CstNode): readonly Name[] {
    return nodes(node(cst, "names"), "name").map((c) => this.plainName(c));
  }

  /** Reports an axis in a declaration that is not `time`. */
  private onlyTime(kind: "input" | "target" | "param" | "state", axis: CstNode): void {
    const read = this.name(axis);
    if (read.text === "time" && !read.primed) return;
    const help = "write `over time`; the batch axis is always there and never named here";
    const what = kind === "input" ? "an input" : `a ${kind}`;
    this.report("C0116", `${what} is never over \`${read.text}\``, read.span, undefined, help);
  }

  private inputs(cst: CstNode, span: Span): readonly InputStmt[] {
    const kind = token(cst, "word").image as "input" | "target";
    const names = this.declared(cst);
    const axis = maybeNode(cst, "axis");
    if (axis !== undefined) this.onlyTime(kind, axis);
    const named = maybeNode(cst, "named");
    const over = { overTime: axis !== undefined, ...(named && { axis: this.plainName(named) }) };
    const shape = maybeNode(cst, "shape");
    if (shape !== undefined) {
      const type = { kind: "tensor", shape: this.shape(shape) } as const;
      return names.map((name) => ({ kind, name, type, ...over, span }));
    }
    const index = this.name(node(cst, "index"));
    const size = this.expression(node(cst, "expression"));
    if (index.text !== "index") {
      const help = "write a shape like `[D]`, or `index(K)` for whole numbers below K";
      this.report("C0115", `\`${index.text}\` is not the type of an input`, index.span, undefined, help);
      return [];
    }
    return names.map((name) => ({ kind, name, type: { kind: "index", size }, ...over, span }));
  }

  private shape(cst: CstNode): Shape {
    const span = nodeSpan(cst, this.file);
    const list = maybeNode(cst, "list");
    if (list !== undefined) return { kind: "shape", dims: this.list(list), span };
    return { kind: "like", name: this.plainName(node(cst, "name")), span };
  }

  private site(cst: CstNode): SiteRef {
    const names = nodes(cst, "name").map((c) => this.plainName(c));
    const span = nodeSpan(cst, this.file);
    const rounds = tokens(cst, "round").map((t) => Number(t.image));
    const at = rounds.length > 0 ? { rounds } : {};
    return names.length === 1 ? { site: names[0], ...at, span } : { scope: names[0], site: names[1], ...at, span };
  }

  private equation(cst: CstNode, span: Span): Statement | undefined {
    const left = nodes(cst, "left").map((c) => this.expression(c));
    const right = nodes(cst, "right").map((c) => this.expression(c));
    if (right.length === 0) {
      if (left.length === 1) return { kind: "value", value: left[0], span };
      const label = "a list of values";
      this.report("C0122", "several values cannot stand alone", span, label, "write `f, i = …`, or one value");
      return undefined;
    }
    const names = left.flatMap((e) => (e.kind === "name" ? [e.name] : []));
    const several = right.length > 1 ? join(right[0].span, right[right.length - 1].span) : undefined;
    if (several !== undefined && left.length === 1) {
      this.report("C0110", "several values need brackets", several, undefined, "write a list: a = [x, y]");
      return undefined;
    }
    const value: Expr = several === undefined ? right[0] : { kind: "list", items: right, span: several };
    if (names.length === left.length) return { kind: "let", names, value, span };
    const wrong = left.find((e) => e.kind !== "name")!;
    const of = wrong.kind === "part" && wrong.of.kind === "name" ? wrong.of.name.text : undefined;
    const help = of === undefined ? "write == to compare" : `write \`${of}' = …\` for the next value of a state`;
    this.report("C0122", "only names are allowed left of `=`", wrong.span, undefined, help);
    return undefined;
  }
}
