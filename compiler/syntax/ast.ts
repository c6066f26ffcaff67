/**
 * The syntax tree of the Cell language, exactly as written: no name is resolved and no shape is known yet.
 *
 * Every node carries the span of the source it was read from, so that later stages can point at it.
 */
import type { Span } from "../diagnostics/span.ts";

/** A name with its place in the text. `primed` is true for `h'`, the next step's value of a state. */
export interface Name {
  readonly text: string;
  readonly primed: boolean;
  readonly span: Span;
}

/** One `.cell` file. */
export interface File {
  readonly kind: "file";
  readonly imports: readonly Import[];
  readonly declarations: readonly Declaration[];
  readonly span: Span;
}

/** `import { lstm, gru } from "./lstm.cell"` */
export interface Import {
  readonly kind: "import";
  readonly names: readonly Name[];
  readonly from: string;
  readonly fromSpan: Span;
  readonly span: Span;
}

export type Declaration = CellDecl | DerivedDecl | NormDecl | FunctionDecl | ModelDecl;

/** A dimension parameter `H` or `H = 100` of a cell or model. */
export interface DimParam {
  readonly kind: "dim";
  readonly name: Name;
  readonly default?: Expr;
}

/** A cell parameter `cell rnn = bnlstm` of a model: which cell the model scans. */
export interface CellParam {
  readonly kind: "cell";
  readonly name: Name;
  readonly default: Name;
}

/** `cell lstm(D = 28, H = 100) { … }` */
export interface CellDecl {
  readonly kind: "cell";
  readonly name: Name;
  readonly params: readonly DimParam[];
  readonly body: readonly CellStmt[];
  readonly span: Span;
}

/** `cell bnlstm = lstm with { place hh : batch(gamma = 0.1) }`, or the same with `model`. */
export interface DerivedDecl {
  readonly kind: "derived";
  readonly of: "cell" | "model";
  readonly name: Name;
  readonly base: Name;
  readonly body: readonly (PlaceStmt | ParamStmt | StateStmt)[];
  readonly span: Span;
}

/** `norm batch(x, gamma = 0.1, beta = 0, eps = 1e-5) { … result expression }` */
export interface NormDecl {
  readonly kind: "norm";
  readonly name: Name;
  /** The value the norm is placed on. */
  readonly operand: Name;
  readonly args: readonly DefaultArg[];
  readonly body: readonly NormStmt[];
  /** The last expression of the body: the normalized value. */
  readonly result: Expr;
  readonly span: Span;
}

/** `fn softmax(x, over axes = feature) { e = exp(x)  e / sum(e, over axes) }`: a pure function, expanded where it is called. */
export interface FunctionDecl {
  readonly kind: "fn";
  readonly name: Name;
  readonly args: readonly FunctionArg[];
  readonly axes?: AxesArg;
  readonly body: readonly FunctionStmt[];
  readonly result: Expr;
  readonly span: Span;
}

export interface FunctionArg {
  readonly name: Name;
  readonly default?: Expr;
}

/** `over axes = feature`: what a function calls the axes that it is given. */
export interface AxesArg {
  readonly name: Name;
  readonly default?: Over;
}

export interface DefaultArg {
  readonly name: Name;
  readonly default: Expr;
}

/** `model smnist(D = 1, H = 100, K = 10, cell rnn = bnlstm) { … }` */
export interface ModelDecl {
  readonly kind: "model";
  readonly name: Name;
  readonly params: readonly (DimParam | CellParam)[];
  readonly body: readonly ModelStmt[];
  readonly span: Span;
}

export type CellStmt = DimStmt | ParamStmt | InputStmt | StateStmt | SiteStmt | LetStmt | OutputStmt | PlaceStmt;
export type NormStmt = ParamStmt | StateStmt | StatStmt | LetStmt;
export type FunctionStmt = LetStmt | SiteStmt;
export type ModelStmt =
  | DimStmt
  | ParamStmt
  | InputStmt
  | SiteStmt
  | LetStmt
  | OutputStmt
  | PlaceStmt
  | LossStmt
  | MetricStmt;

/** `dim P = H / N`: a name for an extent. */
export interface DimStmt {
  readonly kind: "dim";
  readonly name: Name;
  readonly value: Expr;
  readonly span: Span;
}

/** A shape `[D, 4H]`, or `like x`: the shape of another value. `[]` is a scalar. */
export type Shape =
  | { readonly kind: "shape"; readonly dims: readonly Expr[]; readonly span: Span }
  | { readonly kind: "like"; readonly name: Name; readonly span: Span };

/**
 * `param Wx : [D, 4H] = orthogonal(gain = 0.5)`, or `const A : [H, H] = orthogonal`, which is not trained. The initialiser is an
 * expression: see `docs/language.md`.
 */
export interface ParamStmt {
  readonly kind: "param" | "const";
  readonly name: Name;
  readonly shape: Shape;
  readonly init: Expr;
  readonly span: Span;
}

/**
 * `input x : [D]`, `input source : [S] over time` in a cell. In a model: `input x : [D] over time`, `input w : index(V) over time`,
 * `target y : index(K)`.
 */
export interface InputStmt {
  readonly kind: "input" | "target";
  readonly name: Name;
  readonly type:
    | { readonly kind: "tensor"; readonly shape: Shape }
    /** Whole numbers 0 … size-1. */
    | { readonly kind: "index"; readonly size: Expr };
  /** Whether an input of a model varies over time. One of a cell is then a whole sequence, all steps of it at each step. */
  readonly overTime: boolean;
  /** The time axis that it varies over, if that is not the main one: `over time s`. */
  readonly axis?: Name;
  readonly span: Span;
}

/** `state h : [H] = 0`, `state h : [H] = h0 + noise(0.1)`, `state cov : [] over time = 0` */
export interface StateStmt {
  readonly kind: "state";
  readonly name: Name;
  readonly shape: Shape;
  /** It has a value for each step of the whole sequences that the cell reads. */
  readonly overTime?: true;
  readonly init: Expr;
  readonly span: Span;
}

/** `site hh = h @ Wh` */
export interface SiteStmt {
  readonly kind: "site";
  readonly name: Name;
  readonly value: Expr;
  readonly span: Span;
}

/** `f, i, o, g = split(a, 4)` or `c' = …`. */
export interface LetStmt {
  readonly kind: "let";
  readonly names: readonly Name[];
  readonly value: Expr;
  readonly span: Span;
}

/** `stat m = mean(x, over batch)`: a reduction over examples. At inference, its population value is used. */
export interface StatStmt {
  readonly kind: "stat";
  readonly name: Name;
  readonly value: Expr;
  readonly span: Span;
}

/** `output h'` or `output h', c'` */
export interface OutputStmt {
  readonly kind: "output";
  readonly values: readonly Expr[];
  readonly span: Span;
}

/** `place hh, xh : batch(gamma = 0.1, beta = none)`; `place cc : none` removes a norm. Also `place rnn.hh : layer`. */
export interface PlaceStmt {
  readonly kind: "place";
  readonly sites: readonly SiteRef[];
  /** A call or a bare name; the name `none` removes the norm placed there. */
  readonly norm: NormRef;
  readonly span: Span;
}

export interface SiteRef {
  /** `rnn` in `rnn.hh`. */
  readonly scope?: Name;
  readonly site: Name;
  /** `[1]` in `a/1`: the round of an `iterate` around the site. */
  readonly rounds?: readonly number[];
  readonly span: Span;
}

export interface NormRef {
  readonly name: Name;
  readonly args: readonly Arg[];
  readonly span: Span;
}

/** `loss cross_entropy(logits, y)`: a value per example (and step); the mean over them is minimised. */
export interface LossStmt {
  readonly kind: "loss";
  readonly value: Expr;
  readonly span: Span;
}

/** `metric accuracy = correct(logits, y)`: a value per example (and step); its mean is reported. */
export interface MetricStmt {
  readonly kind: "metric";
  readonly name: Name;
  readonly value: Expr;
  readonly span: Span;
}

export type BinaryOperator = "+" | "-" | "*" | "/" | "@" | "^" | "<" | "<=" | ">" | ">=" | "==" | "!=" | "and" | "or";

/** What a reduction runs over: `over batch`, `over time`, `over feature`, `over (batch, time)`. */
export type AxisName = "batch" | "time" | "whole" | "feature" | "first" | "last";

export type Expr =
  /** `0.1`, `1e-5`. `text` keeps the spelling for the formatter. */
  | { readonly kind: "number"; readonly value: number; readonly text: string; readonly span: Span }
  /** `"same"`, a choice as an argument. `value` is what is in the quotes. */
  | { readonly kind: "string"; readonly value: string; readonly span: Span }
  | { readonly kind: "name"; readonly name: Name; readonly span: Span }
  /** `[k, H / k]`, as an argument (`reshape(x, [k, H / k])`). */
  | { readonly kind: "list"; readonly items: readonly Expr[]; readonly span: Span }
  /** `x[2:5]`, `x[6]`, `x[1, H:]`. */
  | { readonly kind: "part"; readonly of: Expr; readonly parts: readonly Part[]; readonly span: Span }
  | { readonly kind: "unary"; readonly op: "-" | "not"; readonly operand: Expr; readonly span: Span }
  | {
      readonly kind: "binary";
      readonly op: BinaryOperator;
      readonly left: Expr;
      readonly right: Expr;
      readonly span: Span;
    }
  | {
      readonly kind: "call";
      readonly callee: Name;
      readonly args: readonly Arg[];
      readonly over?: Over;
      readonly span: Span;
    }
  /** `enc.Wh`: a parameter of a scan of the model, or a state's last value. */
  | { readonly kind: "member"; readonly of: Name; readonly name: Name; readonly span: Span }
  /** `scan rnn(D, H) over x`, `scan rnn(D, H) as enc over x reset begins from h = h0`, `scan enc over hs reverse` */
  | {
      readonly kind: "scan";
      /** A cell, or the name of a scan whose weights it shares. */
      readonly cell: Name;
      readonly args: readonly Arg[];
      readonly as?: Name;
      readonly over: readonly Expr[];
      /** Where it is not 0, states begin anew before the step. */
      readonly reset?: Expr;
      readonly from: readonly First[];
      readonly reverse: boolean;
      readonly span: Span;
    };

/** `h = h0` after `from`: what a state of the scanned cell begins with. */
export interface First {
  readonly name: Name;
  readonly value: Expr;
  readonly span: Span;
}

/** What is taken of an axis: one entry, `6`, or several, `2:5`, `H:`, `:H`, `:`. */
export type Part =
  | { readonly kind: "entry"; readonly at: Expr; readonly span: Span }
  | { readonly kind: "entries"; readonly from?: Expr; readonly to?: Expr; readonly span: Span };

/** A positional or `name = value` argument. */
export interface Arg {
  readonly name?: Name;
  readonly value: Expr;
  readonly span: Span;
}

export interface Over {
  readonly axes: readonly OverAxis[];
  readonly span: Span;
}

/** An axis, or in a function those that it is given under the name `parameter`. */
export type OverAxis =
  | { readonly axis: AxisName; readonly span: Span }
  | { readonly parameter: string; readonly span: Span };
