/** `cellc/vite`: cells in Vite. It needs the packages `unplugin` and `ts-morph`. */
import type { PluginOptions } from "./options.ts";
import { cellPlugin } from "./plugin.ts";
import { loadUnplugin } from "./unplugin.ts";

export type { PluginOptions } from "./options.ts";

/** What Vite takes as a plugin. */
export interface VitePlugin {
  readonly name: string;
}

/** The plugin. Throws `CompileError` (C0309) for an option that there is not, and C0504 without the package `unplugin`. */
export function cellc(options: PluginOptions = {}): VitePlugin {
  return loadUnplugin().createUnplugin(cellPlugin).vite(options) as VitePlugin;
}
