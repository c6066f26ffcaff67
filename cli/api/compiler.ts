/**
 * `cellc/compiler`: from the text of a cell to an executable. Runs in Node and in a page.
 *
 * The compiler knows neither a target nor the disk. Here it meets both, as defaults.
 */
import { check as checkFile } from "../../compiler/check.ts";
import { type Compilation, compile as compileFile } from "../../compiler/compile.ts";
import type { Diagnostic } from "../../compiler/diagnostics/diagnostic.ts";
import {
  flag,
  having,
  type OptionsOf,
  type OptionTable,
  refusal,
  takeOptions,
  text,
} from "../../compiler/diagnostics/option-table.ts";
import { renderAll, sourcesOf } from "../../compiler/diagnostics/render.ts";
import { compileTable } from "../../compiler/options.ts";
import { elaborateTable } from "../../compiler/semantics/elaborate.ts";
import type { SourceHost } from "../../compiler/source-host.ts";
import type { Target } from "../../compiler/target.ts";
import { wasm } from "../../targets/wasm/target.ts";
import { fileHost, hasFiles } from "./file-host.ts";

export type { Compilation } from "../../compiler/compile.ts";
export type { Code } from "../../compiler/diagnostics/catalogue.ts";
export { CompileError, type Diagnostic } from "../../compiler/diagnostics/diagnostic.ts";
export type { Span } from "../../compiler/diagnostics/span.ts";
export type { OptimizerName } from "../../compiler/optimizers.ts";
export type { LoopOwner } from "../../compiler/partition/loop-owner.ts";
export type { Storage } from "../../compiler/pipelines.ts";
export type { Moment } from "../../compiler/proofs/moments.ts";
export type { NormInfo } from "../../compiler/semantics/norms.ts";
export { type PlaceOption, parsePlacements } from "../../compiler/semantics/placements.ts";
export type { SiteInfo } from "../../compiler/semantics/sites.ts";
export type { SourceHost } from "../../compiler/source-host.ts";
export { format } from "../../compiler/syntax/format.ts";
export type { Target } from "../../compiler/target.ts";
export { fileHost } from "./file-host.ts";

const hostTable = {
  /** Where texts come from: the file, and those that it imports. Default: the disk, `fileHost`. */
  host: having<SourceHost>("what can `read` and `resolve`, such as fileHost", "read", "resolve"),
} satisfies OptionTable;

const optionsOfCompile = {
  ...compileTable,
  ...hostTable,
  /** The target to compile for: `wasm` of `cellc/targets/wasm` or `wgsl` of `cellc/targets/wgsl`. Default: `wasm`. */
  target: having<Target>("a target, such as `wgsl` of cellc/targets/wgsl", "assemble"),
} satisfies OptionTable;

const optionsOfCheck = { ...elaborateTable, ...hostTable } satisfies OptionTable;

const optionsOfRender = {
  ...hostTable,
  /** Whether to use colours, for a terminal. Default: false. */
  color: flag,
} satisfies OptionTable;

/** What `compile` takes. */
export interface CompileOptions extends OptionsOf<typeof optionsOfCompile> {}
/** What `check` takes. */
export interface CheckOptions extends OptionsOf<typeof optionsOfCheck> {}
/** What `render` takes. */
export interface RenderOptions extends OptionsOf<typeof optionsOfRender> {}

/**
 * Compiles a cell or model of the file at `path`. Throws `CompileError` with every error of the file in source order, or for an
 * unknown option (C0309). `target` and `host` may also follow the options as arguments.
 */
export function compile(path: string, options: CompileOptions = {}, target?: Target, host?: SourceHost): Compilation {
  const given = takeOptions("compile", optionsOfCompile, options);
  const {
    target: wanted,
    host: from,
    ...others
  } = takeOptions("compile", optionsOfCompile, {
    ...given,
    ...(target !== undefined && { target }),
    ...(host !== undefined && { host }),
  });
  return compileFile(pathOf(path), others, wanted ?? wasm, hostFor(from));
}

/**
 * Returns the errors of the file at `path` and of what it imports, then warnings about its cells and models. With an option that
 * chooses or changes an entry, the diagnostics are about that entry with these options. Throws `CompileError` (C0309) for an
 * unknown option.
 */
export function check(path: string, options: CheckOptions = {}): readonly Diagnostic[] {
  const { host, ...chosen } = takeOptions("check", optionsOfCheck, options);
  const chooses = Object.values(chosen).some((value) => value !== undefined);
  return checkFile(pathOf(path), hostFor(host), chooses ? chosen : undefined);
}

/**
 * Renders diagnostics as text, each with an excerpt of the source, and a last line that counts them. The text is empty if there
 * are none. Throws `CompileError` (C0309) for an unknown option.
 */
export function render(diagnostics: readonly Diagnostic[], options: RenderOptions = {}): string {
  const { host = fileHost, color = false } = takeOptions("render", optionsOfRender, options);
  return renderAll(
    diagnostics,
    sourcesOf(diagnostics, (file) => host.read(file)),
    { color },
  );
}

function pathOf(path: unknown): string {
  if (text.test(path)) return path;
  throw refusal("the path of a file is a text");
}

function hostFor(host: SourceHost | undefined): SourceHost {
  if (host !== undefined) return host;
  if (hasFiles) return fileHost;
  throw refusal("`host` is missing, and there are no files here", "pass `host`, which says where texts come from");
}
