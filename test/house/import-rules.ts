/**
 * Which file may import which: the order of the folders, as a table.
 *
 * `compiler` knows nothing but the plan's types; `targets` know the schedule's output; `runtime` knows only itself; `api` gives the
 * compiler its default target and host; `cli` joins them all. Inside `compiler` the folders are the pipeline's stages, and data goes
 * one way. What runs in a page, which is all but `cli`, needs nothing of Node.
 */
import { posix } from "node:path";
import { ts } from "ts-morph";
import { bundledPackages } from "./bundled-packages.ts";

export interface Import {
  /** As written: `../ir/type.ts`, `node:fs`, `chevrotain`. */
  readonly from: string;
  /** `import type`, or every name in it is marked `type`: gone when types are stripped. */
  readonly typeOnly: boolean;
  /** `import("…")`: loaded when the line is reached, and only then. */
  readonly dynamic: boolean;
  /** Counted from 1. */
  readonly line: number;
}

/** Every import, re-export, `import("…")` and `import("…").Type` of a TypeScript source text. */
export function importsOf(file: string, text: string): readonly Import[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: Import[] = [];
  const add = (specifier: ts.Node | undefined, typeOnly: boolean, dynamic: boolean): void => {
    if (!specifier || !ts.isStringLiteralLike(specifier)) return;
    const line = source.getLineAndCharacterOfPosition(specifier.getStart(source)).line + 1;
    found.push({ from: specifier.text, typeOnly, dynamic, line });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeOnly(node.importClause), false);
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly, false);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true, false);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], false, true);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function isTypeOnly(clause: ts.ImportClause | undefined): boolean {
  if (!clause) return false;
  if (clause.isTypeOnly) return true;
  const names = clause.namedBindings;
  return !clause.name && !!names && ts.isNamedImports(names) && names.elements.every((name) => name.isTypeOnly);
}

/** What a folder's files may import besides their own folder: every path with such a prefix. */
interface Rule {
  readonly folder: string;
  readonly may: readonly string[];
}

/** The first rule whose folder holds a file decides. */
const RULES: readonly Rule[] = [
  { folder: "compiler/diagnostics/", may: [] },
  { folder: "compiler/syntax/", may: ["compiler/diagnostics/"] },
  // Names and shapes are resolved, and the checked cell is written down, as Tensor IR.
  {
    folder: "compiler/semantics/",
    may: ["compiler/diagnostics/", "compiler/syntax/", "compiler/ir/", "compiler/source-host.ts"],
  },
  { folder: "compiler/ir/", may: ["compiler/diagnostics/"] },
  { folder: "compiler/passes/", may: ["compiler/diagnostics/", "compiler/ir/", "compiler/machine.ts"] },
  { folder: "compiler/kernel-ir/", may: ["compiler/ir/", "compiler/machine.ts"] },
  // Which ops share a kernel, and who owns what of it; what that costs is counted of kernels.
  {
    folder: "compiler/partition/",
    may: ["compiler/diagnostics/", "compiler/ir/", "compiler/passes/", "compiler/kernel-ir/", "compiler/machine.ts"],
  },
  {
    folder: "compiler/buffers/",
    may: [
      "compiler/diagnostics/",
      "compiler/ir/",
      "compiler/passes/",
      "compiler/kernel-ir/",
      "compiler/partition/",
      "compiler/machine.ts",
    ],
  },
  {
    folder: "compiler/codegen/",
    may: [
      "compiler/diagnostics/",
      "compiler/ir/",
      "compiler/passes/",
      "compiler/kernel-ir/",
      "compiler/partition/",
      "compiler/buffers/",
      "compiler/machine.ts",
    ],
  },
  // Proofs about a graph are reported for the text that it was elaborated from.
  {
    folder: "compiler/proofs/",
    may: ["compiler/diagnostics/", "compiler/ir/", "compiler/passes/", "compiler/semantics/", "compiler/lower.ts"],
  },
  // compile.ts and what else joins the stages.
  { folder: "compiler/", may: [] },
  // Models for other programs are printed from Tensor IR, and what is proven of a loop says which op of theirs it is.
  { folder: "targets/onnx/", may: ["compiler/ir/", "compiler/passes/rewrite.ts", "compiler/proofs/"] },
  // Likewise, from a form of Tensor IR that a module of `compiler` makes; and it asks what uses what.
  {
    folder: "targets/pytorch/",
    may: [
      "compiler/diagnostics/",
      "compiler/ir/",
      "compiler/passes/",
      "compiler/kernel-ir/c-text.ts",
      "compiler/module-form.ts",
      "targets/shared/",
    ],
  },
  // A target spells and costs the ops of the op table, it never sees a graph.
  {
    folder: "targets/",
    may: [
      "compiler/kernel-ir/",
      "compiler/machine.ts",
      "compiler/target.ts",
      "compiler/ir/ops.ts",
      "compiler/ir/ops/",
      "compiler/ir/types.ts",
    ],
  },
  { folder: "runtime/", may: [] },
  // What the package exports of the compiler, with its defaults.
  { folder: "cli/api/", may: ["compiler/", "targets/"] },
  { folder: "cli/", may: ["compiler/", "targets/", "runtime/"] },
  { folder: "test/", may: ["compiler/", "targets/", "runtime/", "cli/", "bench/"] },
  { folder: "bench/", may: ["compiler/", "targets/", "runtime/", "cli/"] },
];

/** The plan's format belongs to the runtime; those who fill it in take its types, which leave no trace when stripped. */
const PLAN = "runtime/plan.ts";
const FILL_IN_THE_PLAN = /^(compiler|targets)\//;
/** So does the seal that ties code to its plan: whoever seals and whoever looks must have the one function. */
const SEAL = "runtime/seal.ts";
const SEALS = "compiler/compile.ts";
/** And the shape of textures: whoever prints the code that samples them and whoever makes them must agree on it. */
const TEXTURE_SHAPE = "runtime/texture-shape.ts";
const SAMPLES = "targets/glsl/glsl.ts";

/** And which axes marks have: whoever makes leaves of them and whoever fills these in. */
const MARK_AXES = "runtime/mark-axes.ts";
const TYPES_MARKS = "compiler/ir/step-marks.ts";

/** Where the runtime may use Node: its own folder, and the file that fetches a GPU adapter on demand. */
const NODE_FOLDER = "runtime/node/";
const ADAPTER = "runtime/webgpu/adapter.ts";
/** The file that loads gpu.js, which runs the kernels of WebGL2, on demand. */
const GPU_JS = "runtime/webgl2/gpu-js.ts";

/** What is wrong with one import of `file`, in a few words; undefined when it is allowed. */
export function objection(file: string, { from, typeOnly, dynamic }: Import): string | undefined {
  if (!from.startsWith(".")) return packageObjection(file, from, typeOnly, dynamic);
  const target = posix.join(posix.dirname(file), from);
  const rule = RULES.find(({ folder }) => file.startsWith(folder));
  if (!rule) return undefined;
  if (target.startsWith(rule.folder)) return siblingTargetObjection(file, target);
  if (rule.may.some((path) => target.startsWith(path))) return undefined;
  if (target === PLAN && typeOnly && FILL_IN_THE_PLAN.test(file)) return undefined;
  if (target === SEAL && file === SEALS) return undefined;
  if (target === TEXTURE_SHAPE && file === SAMPLES) return undefined;
  if (target === MARK_AXES && file === TYPES_MARKS) return undefined;
  return `${rule.folder} may not import ${target}`;
}

/** A target is a folder of its own; what two of them share lies in `targets/shared/`. */
function siblingTargetObjection(file: string, target: string): string | undefined {
  const [, mine] = /^targets\/(\w+)\//.exec(file) ?? [];
  const [, theirs] = /^targets\/(\w+)\//.exec(target) ?? [];
  if (mine === undefined || theirs === undefined || theirs === mine || theirs === "shared") return undefined;
  return `the target ${mine} may not import the target ${theirs}`;
}

/** What runs in a page, and may therefore need nothing of Node. */
const IN_A_PAGE = /^(cli\/api|compiler|targets|runtime)\//;
/** The package that the compiler is made with. It runs in a page, too. */
const OF_THE_COMPILER: readonly string[] = ["chevrotain"];

/** 14 MB, and not everybody installs it, so the command that needs it loads it when it runs. */
const SLOW = "ts-morph";
/** The only target that is printed with a package. It makes files on a disk, never in a page. */
const TYPED_MODULES = "targets/ts/";

/** The runtime depends on no package; only one file imports a package that the build bundles into it. */
function packageObjection(file: string, from: string, typeOnly: boolean, dynamic: boolean): string | undefined {
  if (from === SLOW && !typeOnly && !dynamic && !file.startsWith("test/"))
    return `${SLOW} is loaded where it is needed, by import("${SLOW}")`;
  const bundle = Object.hasOwn(bundledPackages, from) ? bundledPackages[from] : file;
  if (file !== bundle && !typeOnly && !file.startsWith("test/")) return `${from} is to be had from ${bundle}`;
  const [, folder] = IN_A_PAGE.exec(file) ?? [];
  if (folder === undefined || typeOnly) return undefined;
  if ((file === ADAPTER || file === GPU_JS) && dynamic) return undefined;
  if (from === SLOW && file.startsWith(TYPED_MODULES)) return undefined;
  if (from.startsWith("node:") && file.startsWith(NODE_FOLDER)) return undefined;
  if (folder === "compiler" && OF_THE_COMPILER.includes(from)) return undefined;
  return `${folder}/ may not import ${from} here`;
}
