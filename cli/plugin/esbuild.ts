/** `cellc/esbuild`: cells in esbuild. It needs the packages `unplugin` and `ts-morph`. */
import type { PluginOptions } from "./options.ts";
import { cellPlugin } from "./plugin.ts";
import { loadUnplugin } from "./unplugin.ts";

export type { PluginOptions } from "./options.ts";

/** What esbuild takes as a plugin. */
export interface EsbuildPlugin {
  readonly name: string;
  readonly setup: (build: object) => void | Promise<void>;
}

/** The plugin. Throws `CompileError` (C0309) for an option that there is not, and C0504 without the package `unplugin`. */
export function cellc(options: PluginOptions = {}): EsbuildPlugin {
  return loadUnplugin().createUnplugin(cellPlugin).esbuild(options) as EsbuildPlugin;
}
