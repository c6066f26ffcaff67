import { RuntimeError } from "./error.ts";
import type { Code, Executable } from "./plan.ts";
import { type Sealer, sealerOf, unsealedModule, unsealedText } from "./seal.ts";
import { isRecord } from "./shown.ts";

type CodeOf<Kind extends Code["kind"]> = Extract<Code, { kind: Kind }>;

export interface Sealed<Kind extends Code["kind"]> {
  readonly code: CodeOf<Kind>;
  readonly sealer: Sealer;
}

/** How a backend takes the code of what it opens. Errors: C0411 (damaged, or parts of two executables), C0406 (another target). */
export type TakeCode = <Kind extends Code["kind"]>(executable: Executable, kind: Kind) => Sealed<Kind>;

/**
 * The code of an executable whose plan needs no further check: the compiler made it, and the seal of each piece of code proves that
 * it is unchanged. That is so in a generated module. Errors: C0411.
 */
export function sealedCode<Kind extends Code["kind"]>(executable: Executable, kind: Kind): Sealed<Kind> {
  if (!isRecord(executable)) throw missing("pass { plan, code }");
  const { plan, code } = executable;
  if (!isRecord(code) || code.kind !== kind) throw missing(`its code is not of kind \`${kind}\``);
  return { code: code as CodeOf<Kind>, sealer: sealerOf(plan) };
}

/** A module without its seal. Errors: C0411. */
export function moduleOf(binary: unknown, sealer: Sealer): Uint8Array {
  if (!(binary instanceof Uint8Array)) throw missing("its module is not a Uint8Array");
  return unsealedModule(binary, sealer);
}

/** The shaders of kernels without their seals. Errors: C0411. */
export function shadersOf({ code: { modules }, sealer }: Sealed<"wgsl"> | Sealed<"glsl">): ReadonlyMap<string, string> {
  if (!isRecord(modules)) throw missing("its shaders are missing");
  return new Map(
    Object.entries(modules).map(([name, text]) => {
      if (typeof text !== "string") throw missing(`its kernel \`${name}\` is not text`);
      return [name, unsealedText(text, sealer, name)];
    }),
  );
}

const missing = (fault: string): RuntimeError =>
  new RuntimeError("C0411", `the plan lacks its code: ${fault}`, "pass the files that were compiled together");
