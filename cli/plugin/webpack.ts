/** `cellc/webpack`: cells in webpack. */
import { plugin } from "./plugin.ts";

export type { PluginOptions } from "./options.ts";

/** The plugin. Throws `CompileError` (C0309) for an option that there is not. */
export const cellc: typeof plugin.webpack = plugin.webpack;
