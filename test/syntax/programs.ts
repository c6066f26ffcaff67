/** Random programs: syntax trees that a text can have, and a plain way to print them. */
import fc from "fast-check";
import type {
  Arg,
  BinaryOperator,
  Declaration,
  Expr,
  File,
  FunctionStmt,
  LetStmt,
  Name,
  NormRef,
  NormStmt,
  ParamStmt,
  Part,
  PlaceStmt,
  Shape,
  StateStmt,
} from "../../compiler/syntax/ast.ts";
import { printExpr, printHeader, printImport, printStatement } from "../../compiler/syntax/print.ts";
import { reservedWords } from "../../compiler/syntax/tokens.ts";

const span = { file: "", start: 0, end: 0 };
const apart = { file: "", start: 1, end: 1 };

const word = fc.oneof(
  fc.constantFrom("h", "c", "x", "Wh", "batch", "time", "last", "index", "none", "feature", "dim", "e5", "_", "overs"),
  fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,5}$/).filter((w) => !reservedWords.includes(w)),
);
const plain: fc.Arbitrary<Name> = word.map((text) => ({ text, primed: false, span }));
const primed: fc.Arbitrary<Name> = fc.tuple(word, fc.boolean()).map(([text, p]) => ({ text, primed: p, span }));
const few = <A>(one: fc.Arbitrary<A>, minLength = 0): fc.Arbitrary<A[]> => fc.array(one, { minLength, maxLength: 3 });

const numberText = fc.oneof(
  fc.constantFrom("0", "1", "4", "0.1", "1e-5", "2.5E+3", "784", "1e5"),
  fc.nat(9999).map(String),
);
const number: fc.Arbitrary<Expr> = numberText.map((text) => ({ kind: "number", value: Number(text), text, span }));

const binaryOperators: readonly BinaryOperator[] = [
  ...(["+", "-", "*", "/", "@", "^", "<", "<=", ">", ">=", "==", "!=", "and", "or"] as const),
];

const axisWord = fc.constantFrom("batch", "time", "feature", "last");

/** `over axes = feature` in a header, or nothing. */
const givenAxes = fc.oneof(
  fc.constant({}),
  fc
    .option(few(axisWord, 1))
    .map((axes) => (axes === null ? {} : { default: { axes: axes.map((axis) => ({ axis, span })), span } }))
    .map((of) => ({ axes: { name: { text: "axes", primed: false, span }, ...of } })),
);

export const expr: fc.Arbitrary<Expr> = fc.letrec<{ expr: Expr; part: Part; arg: Arg; args: Arg[] }>((tie) => ({
  expr: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    number,
    fc
      .constantFrom("", "same", "nk,mk->nm", "// no comment", "a 'b' (c")
      .map((value): Expr => ({ kind: "string", value, span })),
    primed.map((name): Expr => ({ kind: "name", name, span })),
    few(tie("expr")).map((items): Expr => ({ kind: "list", items, span })),
    fc.tuple(tie("expr"), few(tie("part"), 1)).map(([of, parts]): Expr => ({ kind: "part", of, parts, span })),
    fc
      .tuple(fc.constantFrom("-" as const, "not" as const), tie("expr"))
      .map(([op, operand]): Expr => ({ kind: "unary", op, operand, span })),
    fc
      .tuple(fc.constantFrom(...binaryOperators), tie("expr"), tie("expr"), fc.boolean())
      // Spans that touch stand for `4H`, others for `4 * H`.
      .map(([op, left, right, touch]): Expr => {
        return { kind: "binary", op, left, right: { ...right, span: touch ? span : apart }, span };
      }),
    fc.tuple(plain, tie("args"), fc.option(few(axisWord, 1))).map(([callee, args, axes]): Expr => {
      const call = { kind: "call", callee, args, span } as const;
      return axes === null ? call : { ...call, over: { axes: axes.map((axis) => ({ axis, span })), span } };
    }),
    fc.tuple(plain, plain).map(([of, name]): Expr => ({ kind: "member", of, name, span })),
    fc
      .tuple(
        ...([plain, tie("args"), fc.option(plain), few(tie("expr"), 1), fc.option(tie("expr"))] as const),
        ...([few(fc.tuple(plain, tie("expr"))), fc.boolean()] as const),
      )
      .map(([cell, args, as, over, reset, first, reverse]): Expr => {
        const from = first.map(([name, value]) => ({ name, value, span }));
        const parts = { ...(as && { as }), over, ...(reset && { reset }), from, reverse };
        return { kind: "scan", cell, args, ...parts, span };
      }),
  ),
  part: fc.oneof(
    tie("expr").map((at): Part => ({ kind: "entry", at, span })),
    fc
      .tuple(fc.option(tie("expr"), { nil: undefined }), fc.option(tie("expr"), { nil: undefined }))
      .map(([from, to]): Part => ({ kind: "entries", ...(from && { from }), ...(to && { to }), span })),
  ),
  arg: tie("expr").map((value): Arg => ({ value, span })),
  args: fc
    .tuple(few(tie("arg")), few(fc.tuple(plain, tie("arg"))))
    .map(([positional, named]) => [...positional, ...named.map(([name, arg]): Arg => ({ name, ...arg }))]),
})).expr;

const call = expr.filter((e) => e.kind === "call" && e.over === undefined);
const norm: fc.Arbitrary<NormRef> = fc.oneof(
  plain.map((name): NormRef => ({ name, args: [], span })),
  call.map((e): NormRef => (e.kind === "call" ? { name: e.callee, args: e.args, span } : expect())),
);
const expect = (): never => {
  throw new Error("filtered above");
};

const shape: fc.Arbitrary<Shape> = fc.oneof(
  few(expr).map((dims): Shape => ({ kind: "shape", dims, span })),
  plain.map((name): Shape => ({ kind: "like", name, span })),
);
const param = <K extends "param" | "state">(kind: K) =>
  fc.record({ kind: fc.constant(kind), name: plain, shape, init: expr, span: fc.constant(span) });
const state = fc
  .tuple(param("state"), fc.boolean())
  .map(([s, overTime]): StateStmt => (overTime ? { ...s, overTime } : s));
const input = <K extends "input" | "target">(kind: K) =>
  fc
    .record({
      kind: fc.constant(kind),
      name: plain,
      type: fc.oneof(
        shape.map((s) => ({ kind: "tensor" as const, shape: s })),
        expr.map((size) => ({ kind: "index" as const, size })),
      ),
      over: fc.oneof(
        fc.boolean().map((overTime) => ({ overTime })),
        plain.map((axis) => ({ overTime: true, axis })),
      ),
      span: fc.constant(span),
    })
    .map(({ over, ...rest }) => ({ ...rest, ...over }));
const named = <K extends "dim" | "site" | "stat" | "metric">(kind: K) =>
  fc.record({ kind: fc.constant(kind), name: plain, value: expr, span: fc.constant(span) });
const equation: fc.Arbitrary<LetStmt> = fc.record({
  kind: fc.constant("let" as const),
  names: few(primed, 1),
  value: expr,
  span: fc.constant(span),
});
const output = fc.record({ kind: fc.constant("output" as const), values: few(expr, 1), span: fc.constant(span) });
const place: fc.Arbitrary<PlaceStmt> = fc.record({
  kind: fc.constant("place" as const),
  sites: few(
    fc.oneof(
      plain.map((site) => ({ site, span })),
      fc.tuple(plain, plain).map(([scope, site]) => ({ scope, site, span })),
      fc
        .tuple(plain, fc.array(fc.nat(20), { minLength: 1, maxLength: 2 }))
        .map(([site, rounds]) => ({ site, rounds, span })),
    ),
    1,
  ),
  norm,
  span: fc.constant(span),
});
const loss = fc.record({ kind: fc.constant("loss" as const), value: expr, span: fc.constant(span) });

const dim = fc.oneof(
  plain.map((name) => ({ kind: "dim" as const, name })),
  fc.tuple(plain, expr).map(([name, value]) => ({ kind: "dim" as const, name, default: value })),
);
const cellParam = fc.tuple(plain, plain).map(([name, value]) => ({ kind: "cell" as const, name, default: value }));

const declaration: fc.Arbitrary<Declaration> = fc.oneof(
  fc.record({
    kind: fc.constant("cell" as const),
    name: plain,
    params: few(dim),
    body: few(fc.oneof(named("dim"), param("param"), state, input("input"), named("site"), equation, output, place)),
    span: fc.constant(span),
  }),
  fc.record({
    kind: fc.constant("model" as const),
    name: plain,
    params: few(fc.oneof(dim, cellParam)),
    body: few(
      fc.oneof(
        named("dim"),
        param("param"),
        input("input"),
        input("target"),
        named("site"),
        equation,
        output,
        place,
        loss,
        named("metric"),
      ),
    ),
    span: fc.constant(span),
  }),
  fc.record({
    kind: fc.constant("derived" as const),
    of: fc.constantFrom("cell" as const, "model" as const),
    name: plain,
    base: plain,
    body: few(fc.oneof<fc.Arbitrary<PlaceStmt | ParamStmt | StateStmt>[]>(place, param("param"), state)),
    span: fc.constant(span),
  }),
  fc.record({
    kind: fc.constant("norm" as const),
    name: plain,
    operand: plain,
    args: few(fc.record({ name: plain, default: expr })),
    body: few(fc.oneof<fc.Arbitrary<NormStmt>[]>(param("param"), named("stat"), equation)),
    result: expr,
    span: fc.constant(span),
  }),
  fc
    .record({
      kind: fc.constant("fn" as const),
      name: plain,
      args: few(
        fc.oneof(
          plain.map((name) => ({ name })),
          fc.record({ name: plain, default: expr }),
        ),
      ),
      body: few(fc.oneof<fc.Arbitrary<FunctionStmt>[]>(equation, named("site"))),
      result: expr,
      span: fc.constant(span),
    })
    .chain((fn) => givenAxes.map((axes) => ({ ...fn, ...axes }))),
);

export const program: fc.Arbitrary<File> = fc.record({
  kind: fc.constant("file" as const),
  imports: few(
    fc.record({
      kind: fc.constant("import" as const),
      names: few(plain, 1),
      from: fc.constantFrom("./lstm.cell", "../a b.cell", ""),
      fromSpan: fc.constant(span),
      span: fc.constant(span),
    }),
  ),
  declarations: few(declaration),
  span: fc.constant(span),
});

/** The lines of a program, plainly: no indentation, no columns. */
export function write(file: File): string {
  const body = (d: Declaration): readonly string[] => {
    const lines = d.body.map((s) => {
      const [head, type, value] = printStatement(s);
      return head + (type === undefined ? "" : ` : ${type}`) + (value === undefined ? "" : ` = ${value}`);
    });
    return "result" in d ? [...lines, printExpr(d.result)] : lines;
  };
  const declarations = file.declarations.flatMap((d) => [`${printHeader(d)} {`, ...body(d), "}"]);
  return [...file.imports.map(printImport), ...declarations, ""].join("\n");
}

/** A tree without its spans, for comparing. */
export function withoutSpans(tree: unknown): unknown {
  return JSON.parse(JSON.stringify(tree, (key, value) => (key === "span" || key === "fromSpan" ? undefined : value)));
}

/** The text with comments, blank lines and `;` inserted where they change nothing, and those comments. */
export function littered(text: string): fc.Arbitrary<{ text: string; comments: readonly string[] }> {
  const spaces = [...text.matchAll(/[ \n]/g)].map((m) => m.index).filter((at) => !insideQuotes(text, at));
  const litter = fc.record({
    at: fc.nat(Math.max(0, spaces.length - 1)),
    kind: fc.constantFrom("line", "block", "long", "blank", "semicolon"),
    words: fc.stringMatching(/^[a-z '"{}(,=]{0,6}$/),
  });
  return fc.array(litter, { maxLength: 8 }).map((all) => {
    const comments: string[] = [];
    const added = new Map<number, string>();
    for (const { at, kind, words } of spaces.length === 0 ? [] : all) {
      const offset = spaces[at];
      const ends = text[offset] === "\n";
      if (added.has(offset) || (!ends && kind !== "block" && kind !== "long")) continue;
      const comment = kind === "line" ? `// ${words}` : kind === "long" ? `/* ${words}\n   b */` : `/* ${words} */`;
      if (kind === "blank") added.set(offset, "\n \n\n");
      else if (kind === "semicolon") added.set(offset, ";");
      else {
        added.set(offset, ` ${comment} `);
        comments.push(comment.trimEnd());
      }
    }
    const out = [...text].map((char, i) => (added.get(i) ?? "") + char).join("");
    return { text: out, comments };
  });
}

function insideQuotes(text: string, at: number): boolean {
  const line = text.slice(text.lastIndexOf("\n", at - 1) + 1, at);
  return (line.match(/"/g)?.length ?? 0) % 2 === 1;
}
