/** `cellc/vite`: cells in Vite. */
import { plugin } from "./plugin.ts";

export type { PluginOptions } from "./options.ts";

/** The plugin. Throws `CompileError` (C0309) for an option that there is not. */
export const cellc: typeof plugin.vite = plugin.vite;
