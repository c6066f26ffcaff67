/** Modules: what each file declares and imports, and what the prelude adds to all. */
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { choices } from "../diagnostics/nearest.ts";
import type { Span } from "../diagnostics/span.ts";
import { nowhere } from "../diagnostics/span.ts";
import type { SourceHost } from "../source-host.ts";
import type { Declaration, File, Import, Name } from "../syntax/ast.ts";
import { parse } from "../syntax/parse.ts";
import { maxImports, reportLimit } from "./limits.ts";
import { type ParsedFile, prelude } from "./prelude.ts";
import type { Problems } from "./problems.ts";

export interface Declared {
  /** `poisoned`: imported from a file that does not declare it or cannot be read, which has been reported. */
  readonly decl: Declaration | { readonly kind: "poisoned"; readonly name: Name };
  /** Where the names in its body are looked up. */
  readonly module: Module;
}

export interface Module {
  readonly path: string;
  readonly text: string;
  readonly file: File;
  /** Everything that the file may use: declarations of the prelude, imported ones and its own. */
  readonly names: Map<string, Declared>;
  /** The file's own declarations. */
  readonly own: Map<string, Declared>;
  /** Words in statements that could not be read. What they declare is missing, which is not another mistake. */
  readonly damaged: ReadonlySet<string>;
}

export class Modules {
  private readonly host: SourceHost;
  private readonly problems: Problems;
  private readonly loaded = new Map<string, Module>();
  private readonly loading: string[] = [];
  private readonly prelude = new Map<string, Declared>();

  constructor(host: SourceHost, problems: Problems) {
    this.host = host;
    this.problems = problems;
    for (const parsed of prelude()) {
      const module = this.enter(parsed);
      for (const [name, declared] of module.own) this.prelude.set(name, declared);
    }
  }

  /** Paths in the order in which they were first read. */
  get paths(): readonly string[] {
    return [...this.loaded.keys()];
  }

  get(path: string): Module | undefined {
    return this.loaded.get(path);
  }

  /** Loads the file at `path` and everything it imports. `from`: the import that asks for it, if there is one. */
  load(path: string, from?: Span): Module | undefined {
    const known = this.loaded.get(path);
    if (known !== undefined) return known;
    const text = this.host.read(path);
    if (text === undefined) {
      const label = from && "not found";
      this.problems.error(from ? "C0219" : "C0401", from ?? nowhere, `there is no file \`${path}\``, { label });
      return undefined;
    }
    const module = this.enter({ path, text, ...parse(text, path) });
    this.loading.push(path);
    for (const i of module.file.imports) this.import(i, module);
    this.loading.pop();
    return module;
  }

  /** The text a span covers. */
  textAt(span: Span): string {
    return this.loaded.get(span.file)?.text.slice(span.start, span.end) ?? "";
  }

  /** The line a span begins in, counted from 1. */
  lineOf(span: Span): number {
    return (this.loaded.get(span.file)?.text.slice(0, span.start).split("\n").length ?? 0) || 1;
  }

  private enter({ path, text, file, diagnostics }: ParsedFile): Module {
    for (const d of onceEach(diagnostics)) this.problems.add(d);
    const errors = diagnostics.filter((d) => d.severity === "error");
    const damaged = wordsAround(text, errors);
    const own = new Map<string, Declared>();
    const module: Module = { path, text, file, names: new Map(this.prelude), own, damaged };
    this.loaded.set(path, module);
    for (const decl of file.declarations) {
      const first = own.get(decl.name.text);
      if (first === undefined) own.set(decl.name.text, { decl, module });
      else this.duplicate(decl.name, first.decl.name);
    }
    for (const [name, declared] of own) module.names.set(name, declared);
    return module;
  }

  private import(i: Import, into: Module): void {
    const path = this.host.resolve(into.path, i.from);
    const cycle = this.loading.indexOf(path);
    if (cycle >= 0) {
      const way = [...this.loading.slice(cycle), path].map((p) => `\`${p}\``).join(" → ");
      this.problems.error("C0219", i.fromSpan, "files import each other in a circle", {
        label: way,
        help: "move what both need to a third file",
      });
    }
    const tooDeep = this.loading.length >= maxImports;
    if (tooDeep) reportLimit("files import files", maxImports, i.fromSpan, this.problems);
    const from = cycle >= 0 || tooDeep ? undefined : this.load(path, i.fromSpan);
    for (const name of i.names) {
      const declared = from?.own.get(name.text);
      if (from !== undefined && declared === undefined && from.damaged.size === 0) {
        this.problems.error("C0219", name.span, `\`${i.from}\` declares no \`${name.text}\``, {
          label: "not declared there",
          help: () => choices(name.text, [...from.own.keys()], "it declares", "it declares nothing"),
        });
      }
      const own = into.own.get(name.text);
      if (own !== undefined) this.duplicate(own.decl.name, name);
      else into.names.set(name.text, declared ?? { decl: { kind: "poisoned", name }, module: into });
    }
  }

  private duplicate(name: Name, first: Name): void {
    this.problems.error("C0202", name.span, `\`${name.text}\` is declared twice`, {
      label: "declared again",
      help: "choose another name",
      notes: [{ span: first.span, message: "first declared here" }],
    });
  }
}

/** A name in another script is one mistake, wherever it is used. */
function onceEach(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const names = new Set<string>();
  return diagnostics.filter(({ code, message }) => {
    if (code !== "C0101" || !/^`\p{L}+`/u.test(message)) return true;
    const isNew = !names.has(message);
    names.add(message);
    return isNew;
  });
}

/** The words on the lines that the spans touch. */
function wordsAround(text: string, all: readonly { readonly span: Span }[]): ReadonlySet<string> {
  const words = new Set<string>();
  let done = -1;
  for (const { span } of [...all].sort((a, b) => a.span.start - b.span.start)) {
    if (span.end <= done) continue;
    const start = Math.max(done + 1, text.lastIndexOf("\n", span.start - 1) + 1);
    const after = text.indexOf("\n", Math.max(span.start, span.end - 1));
    done = after < 0 ? text.length : after;
    for (const [word] of text.slice(start, done).matchAll(/[A-Za-z_]\w*'?/g))
      words.add(word).add(word.replace("'", ""));
  }
  return words;
}
