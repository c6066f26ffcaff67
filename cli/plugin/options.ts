/** What the plugin takes. */
import {
  flag,
  kind,
  type OptionsOf,
  type OptionTable,
  takeOptions,
  text,
} from "../../compiler/diagnostics/option-table.ts";
import { compileTable } from "../../compiler/options.ts";
import { defaultTarget, type TargetName, targetNames } from "../targets.ts";

const { dims, cells, batch, time, entries, memory, ragged, parts, loops, storage } = compileTable;

const optionsOfPlugin = {
  /** The targets that modules have kernels of, the preferred one first. Default: `["wasm"]`. */
  kernels: kind<readonly TargetName[]>(
    `a list of ${targetNames.join(", ")}, each once`,
    (value) =>
      Array.isArray(value) &&
      value.length > 0 &&
      new Set(value).size === value.length &&
      value.every((item) => targetNames.some((name) => name === item)),
  ),
  /**
   * Whether to write the types of a cell beside it, NAME.d.cell.ts, whenever it is loaded without a query. Default: true.
   */
  types: flag,
  /** Whether what is open goes on with the new kernels when a cell changes in a development server. Default: true. */
  hot: flag,
  /** Placements that follow the files' own: `"hh=layer"`. */
  place: text,
  dims,
  cells,
  batch,
  time,
  entries,
  memory,
  ragged,
  parts,
  loops,
  storage,
} satisfies OptionTable;

/**
 * What the plugin takes: what its modules are made of, and the options of `compile` that hold for every cell. Dimensions that a cell
 * does not have are ignored.
 */
export interface PluginOptions extends OptionsOf<typeof optionsOfPlugin> {}

/** The options with their defaults. Throws `CompileError` (C0309) for one that there is not, or that is not of its kind. */
export function pluginOptions(
  given: PluginOptions = {},
): PluginOptions & Required<Pick<PluginOptions, "kernels" | "types" | "hot">> {
  const {
    kernels = [defaultTarget],
    types = true,
    hot = true,
    ...others
  } = takeOptions("cellc", optionsOfPlugin, given);
  return { kernels, types, hot, ...others };
}
