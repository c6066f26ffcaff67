import type { TextForms } from "./looks.ts";
import type { FormatOptions } from "./rows.ts";

/** What a reader may be told. A reader ignores what its format has no use for. */
export interface ReadOptions extends FormatOptions, TextForms {
  /** The format by name. Default: that of the file's first bytes or name. */
  readonly format?: string;
  /** In a table: the column by which rows belong to a sequence. */
  readonly group?: string;
  /** In a table: the column whose values must rise within a sequence. Default: the first column of dates. */
  readonly timeColumn?: string;
  /** In a table: whether times may go back within a sequence. Default: they may not. */
  readonly anyOrder?: boolean;
  /** In a table of text: what stands between values. Default: recognised. */
  readonly delimiter?: string;
  /** In a table of text: whether the first line has the names of the columns. Default: true. */
  readonly header?: boolean;
}
