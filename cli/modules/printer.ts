/** Loads what prints typed modules, with the package that it needs. */
import { exit, Failure } from "../failure.ts";

interface Printer {
  readonly moduleText: typeof import("../../targets/ts/module-text.ts").moduleText;
  readonly javaScriptOf: typeof import("../../targets/ts/emit.ts").javaScriptOf;
  readonly declarationsOf: typeof import("../../targets/ts/emit.ts").declarationsOf;
  readonly declarationMap: typeof import("../../targets/ts/declaration-map.ts").declarationMap;
}

/** Errors: C0504, without the package `ts-morph`. */
export async function loadPrinter(): Promise<Printer> {
  try {
    await import("ts-morph");
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw thrown;
    throw new Failure("C0504", exit.machine, "typed modules need the package `ts-morph`", "npm install ts-morph");
  }
  const [{ moduleText }, emit, { declarationMap }] = await Promise.all([
    import("../../targets/ts/module-text.ts"),
    import("../../targets/ts/emit.ts"),
    import("../../targets/ts/declaration-map.ts"),
  ]);
  return { moduleText, ...emit, declarationMap };
}
