/** Text → checked cell or model → Tensor IR: the entry point of this stage. */
import { CompileError, type Diagnostic } from "../diagnostics/diagnostic.ts";
import { choices } from "../diagnostics/nearest.ts";
import { numberByName, type OptionsOf, type OptionTable, text, textByName } from "../diagnostics/option-table.ts";
import { nowhere, type Span } from "../diagnostics/span.ts";
import type { Graph } from "../ir/types.ts";
import { verify } from "../ir/verify.ts";
import type { SourceHost } from "../source-host.ts";
import type { CellDecl, CellParam, DimParam, ModelDecl } from "../syntax/ast.ts";
import { checkBody } from "./bodies.ts";
import { checkExtents } from "./constants.ts";
import type { Source, World } from "./context.ts";
import { find, type Resolved, resolve } from "./derivations.ts";
import { type BoundParameters, bindDims, dimensionsAmong } from "./dimensions.ts";
import { checkIndexBounds } from "./index-bounds.ts";
import type { Spent } from "./limits.ts";
import { buildModel } from "./models.ts";
import { type Declared, type Module, Modules } from "./modules.ts";
import { placementList, placementsIn } from "./placements.ts";
import { Problems } from "./problems.ts";
import type { Origin, Scope } from "./scope.ts";
import type { SiteInfo } from "./sites.ts";
import { type Built, buildCell } from "./standalone-cell.ts";

/** The options that affect what a file's text means. */
export const elaborateTable = {
  /** Which cell or model of the file. Default: the only one, else the last model, else the last cell. */
  entry: text,
  /** Numbers that replace the declared defaults, of dimensions and other numbers: `{ H: 100, gain: 0.5 }`. */
  dims: numberByName,
  /** Placements that follow the file's own: `"hh=layer,cc=none"`, or the result of `parsePlacements`. */
  place: placementList,
  /** Cells for a model's cell parameters: `{ rnn: "lstm" }`, by names that are visible in the file. */
  cells: textByName,
} satisfies OptionTable;

export interface ElaborateOptions extends OptionsOf<typeof elaborateTable> {}

export interface Elaborated {
  readonly graph: Graph;
  /** A number for every dimension of the entry. */
  readonly dims: Readonly<Record<string, number>>;
  /** The numbers of the entry's parameters that are no dimensions. */
  readonly numbers: Readonly<Record<string, number>>;
  readonly sites: readonly SiteInfo[];
  /** Parameters, on which norms can be placed too. */
  readonly parameters: readonly SiteInfo[];
  /** Where each parameter comes from, by its name in the graph. */
  readonly sources: ReadonlyMap<string, Source>;
  readonly warnings: readonly Diagnostic[];
}

/** A declaration of a file, for listings. */
export interface DeclarationInfo {
  readonly name: string;
  readonly kind: "cell" | "model" | "norm" | "fn";
  /** The declaration that it is derived from. */
  readonly base?: string;
  /** Names of its dimensions (the base's, if derived) or arguments. */
  readonly params: readonly string[];
  readonly span: Span;
}

/**
 * Elaborates a cell or model of the file at `path`. Throws `CompileError` with every error of the file, of its imports
 * and of the entry under `options`, in source order.
 */
export function elaborate(path: string, host: SourceHost, options: ElaborateOptions = {}): Elaborated {
  const run = new Elaborator(host);
  const module = run.load(path);
  if (module !== undefined) run.checkAll(module);
  const entry = module && run.entry(module, options.entry);
  const made = entry && module && run.build(entry, module, options);
  const diagnostics = run.diagnostics();
  if (made === undefined || diagnostics.some((d) => d.severity === "error")) throw new CompileError(diagnostics);
  const within = ({ span }: Diagnostic): boolean =>
    span.file === made.span.file && span.start >= made.span.start && span.end <= made.span.end;
  return elaboratedFrom(made, diagnostics.filter(within));
}

function elaboratedFrom({ built, bound, sources }: ElaboratedDeclaration, warnings: readonly Diagnostic[]): Elaborated {
  const { graph, sites, parameters } = built;
  verify(graph);
  return { graph, dims: { ...bound.dims }, numbers: { ...bound.numbers }, sites, parameters, sources, warnings };
}

/**
 * Everything that is wrong with the file at `path` and its imports, in source order. Each of its cells and models is elaborated
 * with its defaults; dimensions without one stay symbolic. With `options`, the entry is elaborated under them too.
 */
export function check(path: string, host: SourceHost, options?: ElaborateOptions): readonly Diagnostic[] {
  return examine(path, host, options).diagnostics;
}

/** As `check`, but also returns what was elaborated if nothing is wrong: the entry if there are `options`, else everything. */
export function examine(
  path: string,
  host: SourceHost,
  options?: ElaborateOptions,
): { readonly diagnostics: readonly Diagnostic[]; readonly elaborated: readonly Elaborated[] } {
  const run = new Elaborator(host);
  const module = run.load(path);
  const all = module === undefined ? [] : run.checkAll(module);
  const entry = options && module && run.entry(module, options.entry);
  const chosen = entry && run.build(entry, module!, options);
  const diagnostics = run.diagnostics();
  const made = options ? (chosen ? [chosen] : []) : all;
  const sound = run.problems.errors === 0;
  const whole = made.filter(({ complete }) => sound && complete);
  return { diagnostics, elaborated: whole.map((m) => elaboratedFrom(m, [])) };
}

/** The declarations of the file at `path`, in source order. Throws `CompileError` if there is no such file. */
export function declarations(path: string, host: SourceHost): readonly DeclarationInfo[] {
  const run = new Elaborator(host);
  const module = run.load(path);
  if (module === undefined) throw new CompileError(run.diagnostics());
  return module.file.declarations.map((decl): DeclarationInfo => {
    const { name, span } = decl;
    switch (decl.kind) {
      case "cell":
      case "model":
        return { name: name.text, kind: decl.kind, params: decl.params.map((p) => p.name.text), span };
      case "norm":
      case "fn":
        return { name: name.text, kind: decl.kind, params: decl.args.map((a) => a.name.text), span };
      case "derived": {
        const base = resolve(decl.of, { decl, module }, run.problems);
        const params = base?.decl.params.map((p) => p.name.text) ?? [];
        return { name: name.text, kind: decl.of, base: decl.base.text, params, span };
      }
      default:
        return decl satisfies never;
    }
  });
}

/** A dimension in the header of a cell or model. */
export interface DeclaredDimension {
  readonly name: string;
  /** Its default. */
  readonly number?: number;
  /** Whether the default is computed from other dimensions. */
  readonly derived: boolean;
}

/** The dimensions of the entry as its text declares them. Throws `CompileError` if there is no such entry. */
export function dimensionsOf(path: string, host: SourceHost, entry?: string): readonly DeclaredDimension[] {
  const run = new Elaborator(host);
  const module = run.load(path);
  const declared = module && run.entry(module, entry);
  const dims = declared && run.dimensions(declared);
  if (dims === undefined) throw new CompileError(run.diagnostics());
  return dims;
}

interface ElaboratedDeclaration {
  readonly built: Built;
  readonly bound: BoundParameters;
  readonly sources: ReadonlyMap<string, Source>;
  /** The span of the declaration whose body was elaborated. */
  readonly span: Span;
  /** Whether the graph has everything that the text says. */
  readonly complete: boolean;
}

class Elaborator {
  readonly problems = new Problems();
  private readonly spent: Spent = { expressions: 0, depth: 0 };
  private readonly modules: Modules;

  constructor(host: SourceHost) {
    this.modules = new Modules(host, this.problems);
  }

  load(path: string): Module | undefined {
    return this.modules.load(path);
  }

  diagnostics(): readonly Diagnostic[] {
    return this.problems.inOrder(this.modules.paths);
  }

  /** Checks every declaration of a file, and returns its elaborated cells and models. */
  checkAll(module: Module): readonly ElaboratedDeclaration[] {
    return module.file.declarations.flatMap((decl): readonly ElaboratedDeclaration[] => {
      if (decl.kind !== "norm" && decl.kind !== "fn")
        return [this.build({ decl, module }, module, undefined) ?? []].flat();
      checkBody(decl, module, this.problems);
      return [];
    });
  }

  /** Elaborates a declaration. `options` is undefined if it is only checked. */
  build(declared: Declared, from: Module, options: ElaborateOptions | undefined): ElaboratedDeclaration | undefined {
    const { decl } = declared;
    const kind = decl.kind === "derived" ? decl.of : decl.kind;
    const place = placementsIn(options?.place ?? []).map((stmt) => ({ stmt, module: from }));
    const cells = this.chosenCells(options?.cells ?? {}, declared, from);
    if (kind === "cell") {
      const cell = resolve("cell", declared, this.problems);
      return cell && this.finish(cell, declared, options, (world) => buildCell(cell, place, world));
    }
    if (kind === "model") {
      const model = resolve("model", declared, this.problems);
      return model && this.finish(model, declared, options, (world) => buildModel(model, place, cells, world));
    }
    return undefined;
  }

  /** Undefined after a report. */
  dimensions(declared: Declared): readonly DeclaredDimension[] | undefined {
    const { decl } = declared;
    const kind = decl.kind === "derived" ? decl.of : decl.kind;
    const resolved = kind === "cell" || kind === "model" ? resolve(kind, declared, this.problems) : undefined;
    const params = resolved?.decl.params.flatMap((p): DimParam[] => (p.kind === "dim" ? [p] : []));
    const bound = resolved && params && bindDims(decl.name, params, resolved.module, undefined, this.world());
    return (
      params &&
      dimensionsAmong(params).map(({ name: { text: name }, default: value }) => ({
        name,
        ...(Object.hasOwn(bound!.dims, name) && { number: bound!.dims[name] }),
        derived: value !== undefined && value.kind !== "number",
      }))
    );
  }

  private world({ dims, numbers }: BoundParameters = { dims: {}, numbers: {} }): World {
    const { problems, modules, spent } = this;
    return {
      problems,
      modules,
      numbers: dims,
      plain: numbers,
      extents: [],
      indexUses: [],
      indexSizes: [],
      parameters: new Map(),
      known: new Map(),
      truths: new Set(),
      spent,
      taken: new Set(),
      sources: new Map(),
      incomplete: {},
      expanded: { calls: 0 },
    };
  }

  private finish(
    resolved: Resolved<CellDecl | ModelDecl>,
    declared: Declared,
    options: ElaborateOptions | undefined,
    build: (world: World) => Built,
  ): ElaboratedDeclaration {
    const { problems } = this;
    const { decl, module } = resolved;
    const errors = problems.errors;
    const params = decl.params.flatMap((p): DimParam[] => (p.kind === "dim" ? [p] : []));
    const overrides = options && (options.dims ?? {});
    const bound = bindDims(declared.decl.name, params, module, overrides, this.world());
    const world = this.world(bound);
    const built = build(world);
    checkExtents(world);
    checkIndexBounds(world);
    if (problems.errors === errors && declared.decl === decl && module.damaged.size === 0) this.warnUnused(built.scope);
    return { built, bound, sources: world.sources, span: decl.span, complete: world.incomplete.because === undefined };
  }

  private warnUnused(scope: Scope): void {
    const counted: Readonly<Partial<Record<Origin, string>>> = {
      param: "parameter",
      const: "constant",
      input: "input",
      target: "target",
      site: "site",
      let: "value",
      cell: "cell parameter",
    };
    for (const { name, origin, used } of scope.all()) {
      const what = counted[origin];
      if (used || what === undefined || name.text.startsWith("_")) continue;
      this.problems.warning("W0601", name.span, `the ${what} \`${name.text}\` is not used`, {
        help: `remove it, or begin its name with _`,
      });
    }
  }

  /** The cell or model that `name` selects. Undefined after a report. */
  entry(module: Module, name: string | undefined): Declared | undefined {
    const isEntry = (d: Declared): boolean => ["cell", "model", "derived"].includes(d.decl.kind);
    const own = module.file.declarations.map((decl) => ({ decl, module })).filter(isEntry);
    const names = own.map((d) => d.decl.name.text);
    if (name !== undefined) {
      const declared = module.names.get(name);
      if (declared !== undefined && isEntry(declared)) return declared;
      this.problems.error("C0303", nowhere, `\`${module.path}\` has no cell or model \`${name}\``, {
        help: choices(name, names, "it has", "it declares none"),
      });
      return undefined;
    }
    const isModel = (d: Declared): boolean =>
      d.decl.kind === "model" || (d.decl.kind === "derived" && d.decl.of === "model");
    const chosen = own.findLast(isModel) ?? own.at(-1);
    if (chosen === undefined && module.damaged.size === 0)
      this.problems.error("C0303", nowhere, `\`${module.path}\` declares no cell or model`);
    return chosen;
  }

  private chosenCells(
    chosen: Readonly<Record<string, string>>,
    declared: Declared,
    module: Module,
  ): ReadonlyMap<string, Declared> {
    const cells = new Map<string, Declared>();
    if (Object.keys(chosen).length === 0) return cells;
    const { decl } = declared;
    const base =
      decl.kind === "model" || (decl.kind === "derived" && decl.of === "model")
        ? resolve("model", declared, this.problems)
        : undefined;
    const params = base?.decl.params.filter((p): p is CellParam => p.kind === "cell").map((p) => p.name.text) ?? [];
    for (const [param, name] of Object.entries(chosen)) {
      if (!params.includes(param)) {
        this.problems.error("C0301", nowhere, `\`${decl.name.text}\` has no cell parameter \`${param}\``, {
          help: choices(param, params, "it has", "it has none"),
        });
        continue;
      }
      const cell = find("cell", { text: name, primed: false, span: nowhere }, module, this.problems);
      if (cell !== undefined) cells.set(param, cell);
    }
    return cells;
  }
}
