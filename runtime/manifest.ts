/**
 * A compiled model as a folder, on a disk or on a server. `executable.json` is its table of contents, so that who opens it asks for
 * no file that is not there. Plan and code of each target are files of their own, and weights, if there are any, are for all of them.
 */
import { RuntimeError } from "./error.ts";
import type { Code, Feature } from "./plan.ts";
import { type Check, fields, is, kinds, list, maybe, oneOf, text } from "./plan-schema.ts";

/** The name of a manifest in its folder. */
export const manifestName = "executable.json";

/** The files of a target's code. Paths start at the folder and go down. */
export type CodeFiles =
  /** The module, and the same with relaxed SIMD. */
  | { readonly kind: "wasm"; readonly binary: string; readonly relaxed?: string }
  /** One JSON object that has the shader of each kernel by its name. */
  | { readonly kind: "wgsl"; readonly kernels: string }
  | { readonly kind: "glsl"; readonly kernels: string };

/** A target that the model was compiled for. */
export type TargetFiles = CodeFiles & {
  /** As `cellc compile` takes it: `wgsl+subgroups`. */
  readonly target: string;
  readonly plan: string;
  /** As in the plan: what the kernels need of a device. */
  readonly features?: readonly Feature[];
};

/** What `executable.json` says. */
export interface Manifest {
  readonly format: 1;
  /** The name of the cell or model. */
  readonly name: string;
  readonly targets: readonly TargetFiles[];
  /** Parameters and statistics, a checkpoint. */
  readonly weights?: string;
}

/** Names without a dot in front, so that no path leads out of the folder, and none has a meaning of its own in an address. */
const path = is(
  "a path within the folder",
  (value) => typeof value === "string" && /^\w[\w.-]*(\/\w[\w.-]*)*$/.test(value),
);

const common: Readonly<Record<string, Check>> = { target: text, plan: path, features: maybe(list(text)) };

const manifestFault: Check = fields<Manifest>({
  format: oneOf(1),
  name: text,
  targets: list(
    kinds<CodeFiles, "kind">(
      "kind",
      { wasm: { binary: path, relaxed: maybe(path) }, wgsl: { kernels: path }, glsl: { kernels: path } },
      common,
    ),
    1,
  ),
  weights: maybe(path),
});

/** The manifest in a JSON value. Errors: C0411, with the path of the field. */
export function manifestOf(value: unknown, place: string): Manifest {
  const fault = manifestFault(value);
  if (fault === undefined) return value as Manifest;
  throw new RuntimeError("C0411", `${place} is damaged: ${fault.replace(/^[. ]/, "")}`, "compile it anew");
}

/** The kinds of code in the folder. */
export const kindsIn = ({ targets }: Manifest): ReadonlySet<Code["kind"]> => new Set(targets.map(({ kind }) => kind));
