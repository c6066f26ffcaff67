/** `cellc/rollup`: cells in Rollup and Rolldown. It needs the packages `unplugin` and `ts-morph`. */
import type { PluginOptions } from "./options.ts";
import { cellPlugin } from "./plugin.ts";
import { loadUnplugin } from "./unplugin.ts";

export type { PluginOptions } from "./options.ts";

/** What Rollup takes as a plugin. */
export interface RollupPlugin {
  readonly name: string;
}

/** The plugin. Throws `CompileError` (C0309) for an option that there is not, and C0504 without the package `unplugin`. */
export function cellc(options: PluginOptions = {}): RollupPlugin {
  return loadUnplugin().createUnplugin(cellPlugin).rollup(options) as RollupPlugin;
}
