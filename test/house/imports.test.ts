import { describe, expect, test } from "vitest";
import { importsOf, objection } from "./import-rules.ts";
import { readTree, treeFiles } from "./tree.ts";

/** `file:line: what is wrong`, for every import of the text that a rule forbids. */
function objections(file: string, text: string): readonly string[] {
  return importsOf(file, text).flatMap((found) => {
    const wrong = objection(file, found);
    return wrong ? [`${file}:${found.line}: ${wrong}`] : [];
  });
}

test("imports go down the list of folders only", () => {
  expect(treeFiles(".ts").flatMap((file) => objections(file, readTree(file)))).toEqual([]);
});

describe("the rules", () => {
  const forbidden: readonly (readonly [claim: string, file: string, text: string])[] = [
    ["the IR does not know the syntax", "compiler/ir/graph.ts", 'import type { Expr } from "../syntax/ast.ts";'],
    ["the IR does not know the passes", "compiler/ir/graph.ts", 'export * from "../passes/hoist.ts";'],
    ["a pass does not know the semantics", "compiler/passes/a.ts", 'import { c } from "../semantics/check.ts";'],
    ["a pass does not know code generation", "compiler/passes/a.ts", 'type K = import("../codegen/k.ts").K;'],
    ["the syntax does not know the semantics", "compiler/syntax/a.ts", 'import { c } from "../semantics/check.ts";'],
    ["the compiler does not know a target", "compiler/compile.ts", 'import { wasm } from "../targets/wasm/wasm.ts";'],
    [
      "the compiler takes only types of the plan",
      "compiler/buffers/a.ts",
      'import { p } from "../../runtime/plan.ts";',
    ],
    ["the compiler takes no other runtime file", "compiler/a.ts", 'import type { R } from "../runtime/run.ts";'],
    [
      "a target does not know the language",
      "targets/wgsl/a.ts",
      'import type { E } from "../../compiler/syntax/ast.ts";',
    ],
    ["a target does not know another target", "targets/wgsl/a.ts", 'import { w } from "../wasm/wasm.ts";'],
    ["the runtime does not know the compiler", "runtime/a.ts", 'import type { K } from "../compiler/kernel-ir/k.ts";'],
    ["the runtime needs no Node outside runtime/node", "runtime/a.ts", 'import { readFile } from "node:fs/promises";'],
    ["the compiler needs no Node", "compiler/semantics/a.ts", 'import { readFileSync } from "node:fs";'],
    ["the compiler loads no Node either", "compiler/a.ts", 'const fs = await import("node:fs");'],
    ["the compiler needs no package but its own", "compiler/a.ts", 'import { Command } from "commander";'],
    ["a target needs no Node", "targets/wasm/a.ts", 'import { Buffer } from "node:buffer";'],
    ["the package's compiler needs no Node", "cli/api/a.ts", 'import { readFileSync } from "node:fs";'],
    ["the compiler does not know its defaults", "compiler/a.ts", 'import { fileHost } from "../cli/api/file-host.ts";'],
    ["nothing loads chevrotain's many files", "compiler/syntax/a.ts", 'import { Lexer } from "chevrotain";'],
    ["nothing needs a package that is bundled", "cli/report/a.ts", 'import { plot } from "@observablehq/plot";'],
    ["no command loads ts-morph before it runs", "cli/commands/types.ts", 'import { Project } from "ts-morph";'],
    ["a target needs no package but for typed modules", "targets/wasm/a.ts", 'await import("ts-morph");'],
    ["the runtime needs no package", "runtime/a.ts", 'import envPaths from "env-paths";'],
    ["the adapter loads a package only when asked to", "runtime/webgpu/adapter.ts", 'import { create } from "webgpu";'],
    ["nothing imports the command line", "runtime/a.ts", 'const m = await import("../cli/main.ts");'],
  ];
  test.each(forbidden)("%s", (_claim, file, text) => {
    expect(objections(file, text)).toHaveLength(1);
  });

  const allowed: readonly (readonly [claim: string, file: string, text: string])[] = [
    [
      "buffer assignment reads the IR and the plan's types",
      "compiler/buffers/a.ts",
      'import { t } from "../ir/type.ts"; import type { Plan } from "../../runtime/plan.ts";',
    ],
    [
      "compile.ts joins the stages",
      "compiler/compile.ts",
      'import { parse } from "./syntax/parse.ts"; import { place } from "./passes/place.ts";',
    ],
    [
      "a target prints Kernel IR by the op table",
      "targets/wasm/a.ts",
      'import { ops } from "../../compiler/ir/ops.ts"; import { n } from "../shared/namer.ts"; import type { Kernel } from "../../compiler/kernel-ir/types.ts";',
    ],
    [
      "a command loads ts-morph when it runs",
      "cli/commands/types.ts",
      'import type { Project } from "ts-morph"; const { ts } = await import("ts-morph");',
    ],
    ["typed modules are printed by ts-morph, once it is asked for", "targets/ts/a.ts", 'await import("ts-morph");'],
    ["runtime/node speaks to Node", "runtime/node/file.ts", 'import { open } from "node:fs/promises";'],
    ["the adapter loads Dawn when asked to", "runtime/webgpu/adapter.ts", 'const { create } = await import("webgpu");'],
    [
      "the command line joins everything",
      "cli/compile.ts",
      'import { compile } from "../compiler/compile.ts"; import { wgsl } from "../targets/wgsl/wgsl.ts";',
    ],
  ];
  test.each(allowed)("%s", (_claim, file, text) => {
    expect(importsOf(file, text).length).toBeGreaterThan(0);
    expect(objections(file, text)).toEqual([]);
  });
});
