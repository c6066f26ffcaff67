/** `cellc/webpack`: cells in webpack. It needs the packages `unplugin` and `ts-morph`. */
import type { PluginOptions } from "./options.ts";
import { cellPlugin } from "./plugin.ts";
import { loadUnplugin } from "./unplugin.ts";

export type { PluginOptions } from "./options.ts";

/** What webpack takes as a plugin. */
export type WebpackPlugin = { readonly apply: (compiler: object) => void };

/** The plugin. Throws `CompileError` (C0309) for an option that there is not, and C0504 without the package `unplugin`. */
export function cellc(options: PluginOptions = {}): WebpackPlugin {
  return loadUnplugin().createUnplugin(cellPlugin).webpack(options) as WebpackPlugin;
}
