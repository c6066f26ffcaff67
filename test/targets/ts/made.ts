/** Modules of examples and of texts, for the tests of what is printed. */
import { fileHost } from "../../../cli/api/file-host.ts";
import { type MadeModule, makeModule } from "../../../cli/modules/make-module.ts";
import type { TargetName } from "../../../cli/targets.ts";
import type { CompileOptions } from "../../../compiler/options.ts";
import type { SourceHost } from "../../../compiler/source-host.ts";

export interface Asked {
  readonly options?: CompileOptions;
  readonly kernels?: readonly TargetName[];
  readonly host?: SourceHost;
}

/** The module of a file. */
export const made = (
  file: string,
  { options = {}, kernels = ["wasm"], host = fileHost }: Asked = {},
): Promise<MadeModule> => makeModule({ file, host, options, kernels, command: (name) => `make ${name}` });

/** The module of a text. */
export const madeOf = (text: string, asked: Asked = {}): Promise<MadeModule> =>
  made("a.cell", { ...asked, host: { read: () => text, resolve: (_, to) => to } });
