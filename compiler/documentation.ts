/**
 * What the text of an entry says to people: where each of its names is declared, as what, and the comments about it. A generated module
 * repeats it where an editor shows it.
 */
import type { Span } from "./diagnostics/span.ts";
import { dimensionsAmong } from "./semantics/dimensions.ts";
import { type ElaborateOptions, elaborate } from "./semantics/elaborate.ts";
import type { SourceHost } from "./source-host.ts";
import type { CellDecl, Declaration, DerivedDecl, File, ModelDecl, Name } from "./syntax/ast.ts";
import { type Comments, commentsOf } from "./syntax/comments.ts";
import { parse } from "./syntax/parse.ts";

/** A name of the text. */
export interface Documented {
  /** Where it is declared. */
  readonly span: Span;
  /** What stands after the name: `[D, 4H] = orthogonal`. */
  readonly declared: string;
  /** The comments above and behind it, line by line. */
  readonly comment: readonly string[];
}

/** A parameter, or a norm's part of one. */
export interface DocumentedParameter extends Documented {
  /** The norm that it belongs to, where that is placed, and which of the norm's options it is. */
  readonly norm?: { readonly name: string; readonly site: string; readonly option: string | undefined };
}

type Names<D = Documented> = ReadonlyMap<string, D>;

/** What is said of an entry. A name that the text does not declare, or that two cells of a model do, is missing. */
export interface Documentation {
  readonly name: string;
  readonly kind: "cell" | "model";
  readonly entry: Documented;
  readonly dims: Names;
  /** By their names in the plan: `rnn/Wx`, `hh/g`. */
  readonly parameters: Names<DocumentedParameter>;
  /** By their names in the plan. */
  readonly sites: Names;
  readonly inputs: Names;
  readonly targets: Names;
  readonly outputs: Names;
  readonly metrics: Names;
  readonly states: Names;
  /** The file and those that it imports, in the order in which they are read. */
  readonly files: readonly { readonly path: string; readonly text: string }[];
}

/** Errors: `CompileError`, as `compile`. */
export function documentation(path: string, host: SourceHost, options: ElaborateOptions): Documentation {
  const { sources, sites, parameters, graph } = elaborate(path, host, options);
  const library = new Library(path, host);
  const chain = library.chainOf(path, options.entry ?? graph.name);
  const [own] = chain;
  const root = chain.at(-1)!;
  if (root.decl.kind === "derived") throw new Error(`\`${graph.name}\` is derived from nothing`);
  const isModel = root.decl.kind === "model";
  const scanned = isModel ? library.scannedBy(chain, options.cells ?? {}) : [chain];
  const all = library.statementsOf([root]);
  const states = scanned.map((cell) => library.statementsOf(cell).filter(({ kind }) => kind === "state"));
  const at = (kind: string): Names => unique(all.filter((statement) => statement.kind === kind));
  const known = library.everyStatement([chain, ...scanned]);
  const documented = (span: Span): Documented =>
    known.get(keyOf(span)) ?? { span, declared: "", comment: library.commentAt(span) };
  const ownComment = chain.map((part) => library.commentAbove(part)).find((lines) => lines.length > 0);
  return {
    name: graph.name,
    kind: isModel ? "model" : "cell",
    entry: {
      span: own.decl.name.span,
      declared: "",
      comment: ownComment ?? library.firstComment(path),
    },
    dims: new Map(
      dimensionsAmong(root.decl.params).map(({ name }) => [name.text, { span: name.span, declared: "", comment: [] }]),
    ),
    parameters: new Map(
      [...sources].map(([name, { span, norm }]) => [name, { ...documented(span), ...(norm && { norm }) }]),
    ),
    sites: new Map([...sites, ...parameters].map(({ name, span }) => [name, documented(span)])),
    inputs: at("input"),
    targets: at("target"),
    outputs: at("output"),
    metrics: at("metric"),
    states: unique(states.flat(), states.length > 1),
    files: library.files,
  };
}

/** The declaration at the end of the chain that the entry `name` of a file is derived along. The text must be sound. */
export function rootOf(path: string, host: SourceHost, name: string): CellDecl | ModelDecl {
  const { decl } = new Library(path, host).chainOf(path, name).at(-1)!;
  if (decl.kind === "derived") throw new Error(`\`${name}\` is derived from nothing`);
  return decl;
}

/** A statement that declares a name. */
interface Statement {
  readonly kind: string;
  readonly name: string;
  readonly documented: Documented;
}

/** A declaration, and the file that it is in. */
interface Found<D = CellDecl | ModelDecl | DerivedDecl> {
  readonly decl: D;
  readonly path: string;
}

const keyOf = ({ file, start }: Span): string => `${start} ${file}`;

/** By name, the last that a derivation declares. `distinct`: names that are declared twice are not told apart, and left out. */
function unique(statements: readonly Statement[], distinct = false): Names {
  const counts = new Map<string, number>();
  for (const { name } of statements) counts.set(name, (counts.get(name) ?? 0) + 1);
  const sure = distinct ? statements.filter(({ name }) => counts.get(name) === 1) : statements;
  return new Map(sure.map(({ name, documented }) => [name, documented]));
}

interface Loaded {
  readonly path: string;
  readonly text: string;
  readonly file: File;
  readonly comments: Comments;
}

/** A file and everything that it imports. Nothing is checked here: the text was elaborated before. */
class Library {
  readonly #host: SourceHost;
  readonly #loaded = new Map<string, Loaded>();

  constructor(path: string, host: SourceHost) {
    this.#host = host;
    this.#load(path);
  }

  get files(): readonly { readonly path: string; readonly text: string }[] {
    return [...this.#loaded.values()].map(({ path, text }) => ({ path, text }));
  }

  #load(path: string): void {
    if (this.#loaded.has(path)) return;
    const text = this.#host.read(path) ?? "";
    this.#loaded.set(path, { path, text, file: parse(text, path).file, comments: commentsOf(text) });
    for (const { from } of this.#loaded.get(path)!.file.imports) this.#load(this.#host.resolve(path, from));
  }

  /** The declaration that a name means in a file. */
  #find(path: string, name: string): Found | undefined {
    const { file } = this.#loaded.get(path)!;
    const decl = file.declarations.find((candidate) => candidate.name.text === name);
    if (decl !== undefined) return isEntry(decl) ? { decl, path } : undefined;
    const from = file.imports.find(({ names }) => names.some(({ text }) => text === name))?.from;
    return from === undefined ? undefined : this.#find(this.#host.resolve(path, from), name);
  }

  /** A declaration, then what it is derived from, and so on. */
  chainOf(path: string, name: string): readonly [Found, ...Found[]] {
    const found = this.#find(path, name);
    if (found === undefined) throw new Error(`there is no \`${name}\` in ${path}`);
    if (found.decl.kind !== "derived") return [found];
    return [found, ...this.chainOf(found.path, found.decl.base.text)];
  }

  /** The cells that a model scans, each with what it is derived from. `chosen`: those of its cell parameters. */
  scannedBy(chain: readonly Found[], chosen: Readonly<Record<string, string>>): readonly (readonly Found[])[] {
    const { decl, path } = chain.at(-1)!;
    if (decl.kind !== "model") return [];
    const parameters = new Map(
      decl.params.flatMap((param) => (param.kind === "cell" ? [[param.name.text, param.default.text] as const] : [])),
    );
    const names = new Set<string>();
    const walk = (node: unknown): void => {
      if (Array.isArray(node)) for (const item of node) walk(item);
      if (typeof node !== "object" || node === null || Array.isArray(node)) return;
      const { kind, cell } = node as { readonly kind?: unknown; readonly cell?: Name };
      if (kind === "scan" && cell !== undefined) names.add(cell.text);
      for (const value of Object.values(node)) walk(value);
    };
    walk(decl.body);
    return [...names].map((name) => {
      const chosenName = Object.hasOwn(chosen, name) ? chosen[name] : undefined;
      return chosenName === undefined
        ? this.chainOf(path, parameters.get(name) ?? name)
        : this.chainOf(chain[0].path, chosenName);
    });
  }

  /** The names that declarations declare, those of what they are derived from first. */
  statementsOf(chain: readonly Found[]): readonly Statement[] {
    return chain.toReversed().flatMap(({ decl, path }) => {
      const { text } = this.#loaded.get(path)!;
      return (decl.body as readonly AnyStatement[]).flatMap((statement): readonly Statement[] =>
        namesOf(statement).map((name) => ({
          kind: statement.kind,
          name: name.text,
          documented: {
            span: name.span,
            declared: text
              .slice(name.span.end, statement.span.end)
              .replace(/^\s*:?\s*/, "")
              .replace(/\s+/g, " ")
              .trim(),
            comment: this.commentAt(name.span),
          },
        })),
      );
    });
  }

  /**
   * What is said of each name, by its place. Where a derivation declares a parameter anew, that counts for what it is derived from;
   * if several do so differently, nothing is said of its value.
   */
  everyStatement(chains: readonly (readonly Found[])[]): ReadonlyMap<string, Documented> {
    const found = new Map<string, Documented>();
    for (const { path, file } of this.#loaded.values()) {
      for (const decl of file.declarations.filter(isEntry)) {
        for (const { documented } of this.statementsOf([{ decl, path }])) found.set(keyOf(documented.span), documented);
      }
    }
    const changed = new Map<string, string>();
    for (const chain of chains) {
      const statements = this.statementsOf(chain).filter(({ kind }) => kind === "param" || kind === "const");
      const last = unique(statements);
      for (const { name, documented } of statements) {
        const key = keyOf(documented.span);
        const { declared, comment } = last.get(name)!;
        const isSame = (changed.get(key) ?? declared) === declared;
        changed.set(key, declared);
        found.set(key, { span: documented.span, comment, declared: isSame ? declared : "" });
      }
    }
    return found;
  }

  /** The comments about the line of a name. */
  commentAt({ file, start }: Span): readonly string[] {
    const comments = this.#loaded.get(file)?.comments;
    return comments === undefined ? [] : [...comments.above(start), ...comments.after(start)];
  }

  commentAbove({ decl, path }: Found): readonly string[] {
    return this.#loaded.get(path)!.comments.above(decl.span.start);
  }

  firstComment(path: string): readonly string[] {
    return this.#loaded.get(path)!.comments.first();
  }
}

interface AnyStatement {
  readonly kind: string;
  readonly span: Span;
  readonly name?: Name;
  /** Of an output. */
  readonly values?: readonly { readonly kind: string; readonly name?: Name; readonly span: Span }[];
}

function namesOf({ name, values }: AnyStatement): readonly Name[] {
  if (name !== undefined) return [name];
  // An output that is no name is called so.
  return (values ?? []).map((value) => value.name ?? { text: "output", primed: false, span: value.span });
}

const isEntry = (decl: Declaration): decl is CellDecl | ModelDecl | DerivedDecl =>
  decl.kind === "cell" || decl.kind === "model" || decl.kind === "derived";
