/** From an import of a cell to the JavaScript of its module. */
import type { Diagnostic } from "../../compiler/diagnostics/diagnostic.ts";
import type { CompileOptions } from "../../compiler/options.ts";
import { fileHost } from "../api/file-host.ts";
import { makeModule } from "../modules/make-module.ts";
import { typesCommand } from "../modules/module-command.ts";
import { filesOfTypes } from "../modules/module-files.ts";
import { loadPrinter } from "../modules/printer.ts";
import { type RecordingHost, recordingHost } from "../modules/recording-host.ts";
import { writeModule } from "../modules/write-module.ts";
import { chosenDims } from "../toolchain.ts";
import type { PluginOptions } from "./options.ts";
import type { CellRequest } from "./request.ts";

/** A cell as a module. */
export interface LoadedCell {
  readonly code: string;
  readonly warnings: readonly Diagnostic[];
}

/** The batch size that the command line takes by default. */
const usualBatch = 64;

export interface CellLoader {
  /**
   * The module of a cell, and its types beside it if they are wanted. `host` reads the texts. `hot`: the handle of the development
   * server, if the module can be replaced. Errors: `CompileError`; `Failure` C0504, C0409.
   */
  load(request: CellRequest, host: RecordingHost, hot: string | undefined): Promise<LoadedCell>;
}

/** Remembers the last module of each import, since a server asks for it again for each of its environments. */
export function cellLoader(options: PluginOptions & Required<Pick<PluginOptions, "kernels" | "types">>): CellLoader {
  const known = new Map<string, { readonly host: RecordingHost; readonly loaded: Promise<LoadedCell> }>();
  return {
    async load(request, host, hot) {
      const key = JSON.stringify([request, hot]);
      const before = known.get(key);
      if (before !== undefined && isUnchanged(before.host, host)) return before.loaded;
      const loaded = loadCell(request, options, host, hot);
      known.set(key, { host, loaded });
      // What failed is tried again.
      loaded.catch(() => known.delete(key));
      return loaded;
    },
  };
}

/** Whether every text that an earlier compilation read is still the same. It is then as if `now` had read them. */
function isUnchanged(before: RecordingHost, now: RecordingHost): boolean {
  return [...before.texts].every(([path, text]) => now.read(path) === text);
}

async function loadCell(
  request: CellRequest,
  options: PluginOptions & Required<Pick<PluginOptions, "kernels" | "types">>,
  host: RecordingHost,
  hot: string | undefined,
): Promise<LoadedCell> {
  const { file, hasQuery, entry } = request;
  const { kernels: allKernels, types, hot: _, dims: suggested, ...compile } = options;
  const { place = compile.place, batch = compile.batch, time = compile.time } = request;
  const { entries = compile.entries, kernels = allKernels } = request;
  const dims = chosenDims({ file, host, entry, suggested, dims: request.dims });
  const asked: CompileOptions = { ...compile, entry, dims, place, batch, time, entries };
  const command = typesCommand(file, {
    ...{ kernels, entry, dims, place, cell: compile.cells ?? {}, batch: batch ?? usualBatch, time, entries },
    ...{ memory: compile.memory, parts: compile.parts, storage: compile.storage, ragged: compile.ragged },
    schedule: compile.loops,
  });
  const { description, warnings } = await makeModule({ file, host, options: asked, kernels, command: () => command });
  const { moduleText, javaScriptOf } = await loadPrinter();
  if (types && !hasQuery) await writeModule(await filesOfTypes(description, file));
  const code = await javaScriptOf(await moduleText(description, hot === undefined ? undefined : { handle: hot }));
  return { code, warnings };
}

/** A host for one load: the disk, and what is read of it. */
export const hostForLoad = (): RecordingHost => recordingHost(fileHost);
