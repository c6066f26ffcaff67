/** Finds the optional package that makes one plugin fit all bundlers. */
import { createRequire } from "node:module";
import { exit, Failure } from "../failure.ts";

/** The package, loaded now: a bundler's settings are read at once. Errors: C0504, if it is not installed. */
export function loadUnplugin(): typeof import("unplugin") {
  try {
    return createRequire(import.meta.url)("unplugin") as typeof import("unplugin");
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code !== "ERR_MODULE_NOT_FOUND" && code !== "MODULE_NOT_FOUND") throw thrown;
    const message = "the plugin for bundlers needs the package `unplugin`";
    throw new Failure("C0504", exit.machine, message, "npm install -D unplugin ts-morph");
  }
}
