/**
 * The grammar, over the words that `layout.ts` has arranged.
 *
 * Chevrotain recovers in one way only: a statement (or the header of a declaration) that cannot be read is
 * skipped as a whole, up to the next `Begin` (or the `{` of the body). Nothing is guessed inside a statement, so that
 * one mistake gives one message.
 */
import type { CstNode, IParserErrorMessageProvider, IRuleConfig, IToken, ParserMethod, TokenType } from "chevrotain";
import { CstParser, EMPTY_ALT, EOF, tokenLabel } from "./chevrotain.ts";
import * as T from "./tokens.ts";

/** Only says what the grammar expected where it stopped; `syntax-errors.ts` makes the message of it. */
const errorMessageProvider: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected }) => tokenLabel(expected),
  buildNotAllInputParsedMessage: () => "the end of the file",
  buildNoViableAltMessage: ({ customUserDescription }) => customUserDescription ?? "something else",
  buildEarlyExitMessage: ({ customUserDescription }) => customUserDescription ?? "something else",
};

type Rule = ParserMethod<[], CstNode>;
/** `greedy`: commas after a `scan` belong to it, as they do not inside an argument list. */
type ExpressionRule = ParserMethod<[greedy: boolean], CstNode>;

class CellParser extends CstParser {
  constructor(skipValidations: boolean) {
    super([...T.allTokens], { recoveryEnabled: true, maxLookahead: 2, errorMessageProvider, skipValidations });
    this.performSelfAnalysis();
  }

  // The first two are chevrotain's public hooks, the other three its internals (recoverable.ts of 11.2).
  protected override canTokenTypeBeInsertedInRecovery(_type: TokenType): boolean {
    return false;
  }

  protected override canTokenTypeBeDeletedInRecovery(_type: TokenType): boolean {
    return false;
  }

  protected shouldInRepetitionRecoveryBeTried(): boolean {
    return false;
  }

  /** Not needed, since no word is ever inserted or deleted; chevrotain would walk all rules recursively for it at every mismatch. */
  protected getFollowsForInRuleRecovery(): TokenType[] {
    return [];
  }

  protected flattenFollowSet(): TokenType[] {
    return [T.Begin, T.LeftCurly, T.RightCurly, EOF];
  }

  /** A rule that does not recover by itself. */
  private inner<A extends unknown[]>(name: string, implementation: (...args: A) => void): ParserMethod<A, CstNode> {
    const config: IRuleConfig<CstNode> = { resyncEnabled: false };
    return this.RULE(name, implementation, config);
  }

  readonly file: Rule = this.RULE("file", () => {
    this.MANY(() => this.SUBRULE(this.item));
  });

  private readonly item: Rule = this.RULE("item", () => {
    this.CONSUME(T.Begin);
    this.OR({
      DEF: [
        { ALT: () => this.SUBRULE(this.import) },
        { ALT: () => this.SUBRULE(this.declaration) },
        { ALT: () => this.SUBRULE(this.statement) },
      ],
      ERR_MSG: "a declaration",
    });
    this.CONSUME(T.End);
  });

  private readonly import: Rule = this.inner("import", () => {
    this.CONSUME(T.Import);
    this.CONSUME(T.ListLeft);
    this.AT_LEAST_ONE_SEP({ SEP: T.Comma, DEF: () => this.SUBRULE(this.name), ERR_MSG: "a name" });
    this.CONSUME(T.ListRight);
    this.CONSUME(T.From);
    this.CONSUME(T.StringLiteral);
  });

  private readonly declaration: Rule = this.inner("declaration", () => {
    this.SUBRULE(this.header);
    this.SUBRULE(this.block);
  });

  private readonly header: Rule = this.RULE("header", () => {
    this.OR([
      { ALT: () => this.CONSUME(T.Cell, { LABEL: "word" }) },
      { ALT: () => this.CONSUME(T.Model, { LABEL: "word" }) },
      { ALT: () => this.CONSUME(T.Norm, { LABEL: "word" }) },
      { ALT: () => this.CONSUME(T.Fn, { LABEL: "word" }) },
    ]);
    this.SUBRULE(this.name);
    this.OR2({
      DEF: [
        { ALT: () => this.SUBRULE(this.parameters) },
        {
          ALT: () => {
            this.CONSUME(T.Equals);
            this.SUBRULE2(this.name, { LABEL: "base" });
            this.CONSUME(T.With);
          },
        },
      ],
      ERR_MSG: "`(` and the parameters",
    });
    // The body must follow at once. If it does not, the mistake is in the header, and the body is still read.
    this.OR3({
      DEF: [{ GATE: () => this.LA(1).tokenType === T.LeftCurly, ALT: EMPTY_ALT() }],
      ERR_MSG: "`{`",
    });
  });

  private readonly parameters: Rule = this.inner("parameters", () => {
    this.CONSUME(T.LeftParen);
    this.MANY_SEP({ SEP: T.Comma, DEF: () => this.SUBRULE(this.parameter) });
    this.CONSUME(T.RightParen);
  });

  private readonly parameter: Rule = this.inner("parameter", () => {
    this.OR([
      {
        ALT: () => {
          this.OPTION(() => this.CONSUME(T.Cell));
          this.SUBRULE(this.name);
          this.OPTION2(() => {
            this.CONSUME(T.Equals);
            this.SUBRULE(this.expression, { ARGS: [false] });
          });
        },
      },
      {
        ALT: () => {
          this.CONSUME(T.Over);
          this.SUBRULE2(this.name);
          this.OPTION3(() => {
            this.CONSUME2(T.Equals);
            this.SUBRULE(this.axes);
          });
        },
      },
    ]);
  });

  private readonly block: Rule = this.inner("block", () => {
    this.CONSUME(T.LeftCurly);
    this.MANY(() => this.SUBRULE(this.line));
    this.CONSUME(T.RightCurly);
  });

  private readonly line: Rule = this.RULE("line", () => {
    this.CONSUME(T.Begin);
    this.SUBRULE(this.statement);
    this.CONSUME(T.End);
  });

  private readonly statement: Rule = this.inner("statement", () => {
    this.OR({
      DEF: [
        { ALT: () => this.SUBRULE(this.param) },
        { ALT: () => this.SUBRULE(this.inputs) },
        { ALT: () => this.SUBRULE(this.named) },
        { ALT: () => this.SUBRULE(this.dim) },
        { ALT: () => this.SUBRULE(this.loss) },
        { ALT: () => this.SUBRULE(this.output) },
        { ALT: () => this.SUBRULE(this.place) },
        { ALT: () => this.SUBRULE(this.equation) },
      ],
      ERR_MSG: "a statement",
    });
  });

  /** `param W : [D] = …`, `const A : [D] = …` and `state h, c : [H] = …` */
  private readonly param: Rule = this.inner("param", () => {
    this.OR([
      { ALT: () => this.CONSUME(T.Param, { LABEL: "word" }) },
      { ALT: () => this.CONSUME(T.Const, { LABEL: "word" }) },
      { ALT: () => this.CONSUME(T.State, { LABEL: "word" }) },
    ]);
    this.SUBRULE(this.names);
    this.CONSUME(T.Colon);
    this.SUBRULE(this.shape);
    this.OPTION(() => {
      this.CONSUME(T.Over);
      this.SUBRULE(this.name, { LABEL: "axis" });
    });
    this.CONSUME(T.Equals);
    this.SUBRULE(this.expression, { ARGS: [true] });
  });

  private readonly inputs: Rule = this.inner("inputs", () => {
    this.OR([
      { ALT: () => this.CONSUME(T.Input, { LABEL: "word" }) },
      { ALT: () => this.CONSUME(T.Target, { LABEL: "word" }) },
    ]);
    this.SUBRULE(this.names);
    this.CONSUME(T.Colon);
    this.OR2({
      DEF: [
        { ALT: () => this.SUBRULE(this.shape) },
        {
          ALT: () => {
            this.SUBRULE(this.name, { LABEL: "index" });
            this.CONSUME(T.LeftParen);
            this.SUBRULE(this.expression, { ARGS: [false] });
            this.CONSUME(T.RightParen);
          },
        },
      ],
      ERR_MSG: "a shape like `[D]`, or `index(K)`",
    });
    this.OPTION(() => {
      this.CONSUME(T.Over);
      this.SUBRULE2(this.name, { LABEL: "axis" });
      this.OPTION2(() => this.SUBRULE3(this.name, { LABEL: "named" }));
    });
  });

  private readonly shape: Rule = this.inner("shape", () => {
    this.OR({
      DEF: [
        { ALT: () => this.SUBRULE(this.list) },
        {
          ALT: () => {
            this.CONSUME(T.Like);
            this.SUBRULE(this.name);
          },
        },
      ],
      ERR_MSG: "a shape like `[D, 4H]`",
    });
  });

  /** `site s = …`, `stat m = …`, `metric m = …` */
  private readonly named: Rule = this.inner("named", () => {
    this.OR([
      { ALT: () => this.CONSUME(T.Site, { LABEL: "word" }) },
      { ALT: () => this.CONSUME(T.Stat, { LABEL: "word" }) },
      { ALT: () => this.CONSUME(T.Metric, { LABEL: "word" }) },
    ]);
    this.SUBRULE(this.name);
    this.CONSUME(T.Equals);
    this.SUBRULE(this.expression, { ARGS: [true] });
  });

  /** `dim P = H / N` */
  private readonly dim: Rule = this.inner("dim", () => {
    this.CONSUME(T.Dim);
    this.SUBRULE(this.name);
    this.CONSUME(T.Equals);
    this.SUBRULE(this.expression, { ARGS: [true] });
  });

  private readonly loss: Rule = this.inner("loss", () => {
    this.CONSUME(T.Loss);
    this.SUBRULE(this.expression, { ARGS: [true] });
  });

  private readonly output: Rule = this.inner("output", () => {
    this.CONSUME(T.Output);
    this.AT_LEAST_ONE_SEP({ SEP: T.Comma, DEF: () => this.SUBRULE(this.expression, { ARGS: [true] }), ERR_MSG: value });
  });

  private readonly place: Rule = this.inner("place", () => {
    this.CONSUME(T.Place);
    this.AT_LEAST_ONE_SEP({ SEP: T.Comma, DEF: () => this.SUBRULE(this.site), ERR_MSG: "the name of a site" });
    this.CONSUME(T.Colon);
    this.SUBRULE(this.name);
    this.OPTION(() => this.SUBRULE(this.args));
  });

  /** `hh`, `rnn.hh`, and of a site in rounds `a/1` */
  private readonly site: Rule = this.inner("site", () => {
    this.SUBRULE(this.name);
    this.OPTION(() => {
      this.CONSUME(T.Dot);
      this.SUBRULE2(this.name);
    });
    this.MANY(() => {
      this.CONSUME(T.Slash);
      this.CONSUME(T.NumberLiteral, { LABEL: "round" });
    });
  });

  /** `f, i = …`, `f, i = …, …`, or the bare expression that ends a norm. The tree builder tells the two apart. */
  private readonly equation: Rule = this.inner("equation", () => {
    this.SUBRULE(this.expression, { ARGS: [true], LABEL: "left" });
    this.MANY(() => {
      this.CONSUME(T.Comma);
      this.SUBRULE2(this.expression, { ARGS: [true], LABEL: "left" });
    });
    this.OPTION(() => {
      this.CONSUME(T.Equals);
      this.SUBRULE3(this.expression, { ARGS: [true], LABEL: "right" });
      this.MANY2(() => {
        this.CONSUME2(T.Comma);
        this.SUBRULE4(this.expression, { ARGS: [true], LABEL: "right" });
      });
    });
  });

  private readonly expression: ExpressionRule = this.inner("expression", (greedy: boolean) => {
    this.OR({
      DEF: [{ ALT: () => this.SUBRULE(this.scan, { ARGS: [greedy] }) }, { ALT: () => this.SUBRULE(this.choice) }],
      ERR_MSG: value,
    });
  });

  private readonly scan: ExpressionRule = this.inner("scan", (greedy: boolean) => {
    this.CONSUME(T.Scan);
    this.SUBRULE(this.name);
    this.OPTION(() => this.SUBRULE(this.args));
    this.OPTION2({
      // The word is a name elsewhere.
      GATE: () => this.LA(1).image === "as",
      DEF: () => {
        this.CONSUME(T.Identifier, { LABEL: "as" });
        this.SUBRULE2(this.name, { LABEL: "named" });
      },
    });
    this.CONSUME(T.Over);
    this.SUBRULE(this.comparison);
    this.MANY({
      GATE: () => greedy,
      DEF: () => {
        this.CONSUME(T.Comma);
        this.SUBRULE2(this.comparison);
      },
    });
    // In any order. The tree builder reports what stands there twice.
    this.MANY2({
      GATE: () => this.LA(1).tokenType !== T.Identifier || this.LA(1).image === "reset",
      DEF: () => {
        this.OR([
          {
            // The word is a name elsewhere.
            ALT: () => {
              this.CONSUME2(T.Identifier, { LABEL: "reset" });
              this.SUBRULE3(this.comparison, { LABEL: "mark" });
            },
          },
          { ALT: () => this.SUBRULE(this.from, { ARGS: [greedy] }) },
          { ALT: () => this.CONSUME(T.Reverse) },
        ]);
      },
    });
  });

  private readonly from: ExpressionRule = this.inner("from", (greedy: boolean) => {
    this.CONSUME(T.From);
    this.SUBRULE(this.first);
    this.MANY({
      GATE: () => greedy,
      DEF: () => {
        this.CONSUME(T.Comma);
        this.SUBRULE2(this.first);
      },
    });
  });

  /** `h = h0`: what a state begins with. */
  private readonly first: Rule = this.inner("first", () => {
    this.SUBRULE(this.name);
    this.CONSUME(T.Equals);
    this.SUBRULE(this.comparison);
  });

  private readonly choice: Rule = this.inner("choice", () => {
    this.SUBRULE(this.conjunction);
    this.MANY(() => {
      this.CONSUME(T.Or, { LABEL: "operator" });
      this.SUBRULE2(this.conjunction);
    });
  });

  private readonly conjunction: Rule = this.inner("conjunction", () => {
    this.SUBRULE(this.negation);
    this.MANY(() => {
      this.CONSUME(T.And, { LABEL: "operator" });
      this.SUBRULE2(this.negation);
    });
  });

  private readonly negation: Rule = this.inner("negation", () => {
    this.MANY(() => this.CONSUME(T.Not));
    this.SUBRULE(this.comparison);
  });

  private readonly comparison: Rule = this.inner("comparison", () => {
    this.SUBRULE(this.sum);
    this.OPTION(() => {
      this.CONSUME(T.CompareOperator, { LABEL: "operator" });
      this.SUBRULE2(this.sum);
    });
  });

  private readonly sum: Rule = this.inner("sum", () => {
    this.SUBRULE(this.product);
    this.MANY(() => {
      this.CONSUME(T.AddOperator, { LABEL: "operator" });
      this.SUBRULE2(this.product);
    });
  });

  private readonly product: Rule = this.inner("product", () => {
    this.SUBRULE(this.signed);
    this.MANY(() => {
      this.CONSUME(T.MultiplyOperator, { LABEL: "operator" });
      this.SUBRULE2(this.signed);
    });
  });

  private readonly signed: Rule = this.inner("signed", () => {
    this.MANY(() => this.CONSUME(T.Minus));
    this.SUBRULE(this.multiple);
  });

  /** `4H` binds tighter than `/` and looser than `^`: `x / 4H^2` is x / (4 · H²). */
  private readonly multiple: Rule = this.inner("multiple", () => {
    this.OR({
      DEF: [
        {
          ALT: () => {
            this.CONSUME(T.NumberLiteral);
            this.CONSUME(T.Juxtaposed);
            this.SUBRULE(this.power);
          },
        },
        { ALT: () => this.SUBRULE2(this.power) },
      ],
      ERR_MSG: value,
    });
  });

  private readonly power: Rule = this.inner("power", () => {
    this.SUBRULE(this.primary);
    this.OPTION(() => {
      this.CONSUME(T.Caret);
      this.SUBRULE(this.signed);
    });
  });

  private readonly primary: Rule = this.inner("primary", () => {
    this.SUBRULE(this.atom);
    this.MANY(() => this.SUBRULE(this.parts));
  });

  private readonly atom: Rule = this.inner("atom", () => {
    this.OR({
      DEF: [
        { ALT: () => this.CONSUME(T.NumberLiteral) },
        { ALT: () => this.CONSUME(T.StringLiteral) },
        { ALT: () => this.SUBRULE(this.list) },
        {
          ALT: () => {
            this.CONSUME(T.LeftParen);
            this.SUBRULE(this.expression, { ARGS: [true] });
            this.CONSUME(T.RightParen);
          },
        },
        {
          ALT: () => {
            this.OR2([
              { ALT: () => this.CONSUME(T.And, { LABEL: "logic" }) },
              { ALT: () => this.CONSUME(T.Or, { LABEL: "logic" }) },
              { ALT: () => this.CONSUME(T.Not, { LABEL: "logic" }) },
            ]);
            this.SUBRULE2(this.args);
          },
        },
        {
          ALT: () => {
            this.SUBRULE(this.name);
            this.OPTION(() => this.SUBRULE(this.args));
            this.OPTION2(() => {
              this.CONSUME(T.Dot);
              this.SUBRULE2(this.name, { LABEL: "member" });
            });
          },
        },
      ],
      ERR_MSG: value,
    });
  });

  /** `[2:5]`, `[1, H:]`: parts of the axes of the value before it. */
  private readonly parts: Rule = this.inner("parts", () => {
    this.CONSUME(T.LeftSquare);
    this.AT_LEAST_ONE_SEP({ SEP: T.Comma, DEF: () => this.SUBRULE(this.part), ERR_MSG: entry });
    this.CONSUME(T.RightSquare);
  });

  private readonly part: Rule = this.inner("part", () => {
    this.OR({
      DEF: [
        {
          ALT: () => {
            this.CONSUME(T.Colon);
            this.OPTION(() => this.SUBRULE(this.expression, { ARGS: [false], LABEL: "to" }));
          },
        },
        {
          ALT: () => {
            this.SUBRULE2(this.expression, { ARGS: [false], LABEL: "from" });
            this.OPTION2(() => {
              this.CONSUME2(T.Colon);
              this.OPTION3(() => this.SUBRULE3(this.expression, { ARGS: [false], LABEL: "to" }));
            });
          },
        },
      ],
      ERR_MSG: entry,
    });
  });

  private readonly list: Rule = this.inner("list", () => {
    this.CONSUME(T.LeftSquare);
    this.MANY_SEP({ SEP: T.Comma, DEF: () => this.SUBRULE(this.expression, { ARGS: [false] }) });
    this.CONSUME(T.RightSquare);
  });

  private readonly args: Rule = this.inner("args", () => {
    this.CONSUME(T.LeftParen);
    this.MANY_SEP({ SEP: T.Comma, DEF: () => this.SUBRULE(this.arg) });
    this.CONSUME(T.RightParen);
  });

  private readonly arg: Rule = this.inner("arg", () => {
    this.OR({
      DEF: [
        { ALT: () => this.SUBRULE(this.over) },
        {
          ALT: () => {
            this.SUBRULE(this.name);
            this.CONSUME(T.Equals);
            this.SUBRULE(this.expression, { ARGS: [false] });
          },
        },
        { ALT: () => this.SUBRULE2(this.expression, { ARGS: [false] }) },
      ],
      ERR_MSG: value,
    });
  });

  private readonly over: Rule = this.inner("over", () => {
    this.CONSUME(T.Over);
    this.SUBRULE(this.axes);
  });

  private readonly axes: Rule = this.inner("axes", () => {
    this.OR({
      DEF: [
        { ALT: () => this.SUBRULE(this.name) },
        {
          ALT: () => {
            this.CONSUME(T.LeftParen);
            this.AT_LEAST_ONE_SEP({ SEP: T.Comma, DEF: () => this.SUBRULE2(this.name), ERR_MSG: axis });
            this.CONSUME(T.RightParen);
          },
        },
      ],
      ERR_MSG: axis,
    });
  });

  /** What one line declares: `h, c` */
  private readonly names: Rule = this.inner("names", () => {
    this.SUBRULE(this.name);
    this.MANY(() => {
      this.CONSUME(T.Comma);
      this.SUBRULE2(this.name);
    });
  });

  private readonly name: Rule = this.inner("name", () => {
    this.CONSUME(T.Identifier);
  });
}

const value = "a value";
const entry = "an entry, or from:to";
const axis = "an axis: batch, time, whole, feature, first or last";

let parser: CellParser | undefined;

/** Throws if the grammar is ambiguous or wrong in another way that chevrotain can find. Tests ask; no parser of a user's text does. */
export function validateGrammar(): void {
  new CellParser(false);
}

export interface GrammarResult {
  readonly cst: CstNode;
  readonly errors: CellParser["errors"];
}

/** Parses laid-out words. Never throws: what could not be read is in `errors`, and its nodes have `recoveredNode` set. */
export function readGrammar(tokens: readonly IToken[]): GrammarResult {
  parser ??= new CellParser(true);
  parser.input = [...tokens];
  const cst = parser.file();
  return { cst, errors: [...parser.errors] };
}
