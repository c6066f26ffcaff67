/**
 * Cells in a bundler: `import { bnlstm } from "./bnlstm.cell"`. One plugin for all bundlers, by unplugin; the module is the one that
 * `compile` writes with `--target ts`, as JavaScript.
 */
import type { UnpluginContextMeta, UnpluginMessage, UnpluginOptions } from "unplugin";
import { CompileError, type Diagnostic } from "../../compiler/diagnostics/diagnostic.ts";
import { Lines } from "../../compiler/diagnostics/position.ts";
import { renderAll } from "../../compiler/diagnostics/render.ts";
import { Failure } from "../failure.ts";
import type { RecordingHost } from "../modules/recording-host.ts";
import { cellLoader, hostForLoad } from "./load-cell.ts";
import { type PluginOptions, pluginOptions } from "./options.ts";
import { cellId, readRequest } from "./request.ts";

/** What an application and its modules import. */
const runtime = ["cellc/runtime", "cellc/runtime/module"];

/** What bundlers call in, as unplugin has it. Throws `CompileError` (C0309) for an option that there is not. */
export function cellPlugin(given: PluginOptions | undefined, meta: UnpluginContextMeta): UnpluginOptions {
  const options = pluginOptions(given);
  const loader = cellLoader(options);
  /** The handle by which Vite's development server replaces modules; undefined when it builds. */
  let viteHandle: string | undefined;
  return {
    name: "cellc",
    enforce: "pre",
    load: {
      filter: { id: cellId },
      async handler(id) {
        const host = hostForLoad();
        try {
          const request = readRequest(id);
          if (request === undefined) return undefined;
          const handle = options.hot ? (viteHandle ?? webpackHandle(this.getNativeBuildContext?.())) : undefined;
          const { code, warnings } = await loader.load(request, host, handle);
          if (warnings.length > 0) this.warn(messageOf(warnings, host));
          return code;
        } catch (error) {
          const message = errorMessage(error, host);
          if (message === undefined) throw error;
          // Rollup and Vite throw here. esbuild takes the place from what it is told, and webpack the text from what is thrown.
          this.error({ ...message, id });
          if (meta.framework !== "esbuild") throw new Error(message.message);
          return "export {};";
        } finally {
          for (const file of host.texts.keys()) this.addWatchFile(file);
        }
      },
    },
    vite: {
      // A server that met it later, in the first cell, would have to load the page again.
      config: () => ({ optimizeDeps: { include: runtime } }),
      configResolved({ command }) {
        viteHandle = command === "serve" ? "import.meta.hot" : undefined;
      },
    },
  };
}

/** webpack's handle, where its modules can be replaced. */
function webpackHandle(native: { readonly framework: string; readonly loaderContext?: object } | undefined) {
  if (native?.framework !== "webpack" && native?.framework !== "rspack") return undefined;
  const { hot } = (native.loaderContext ?? {}) as { readonly hot?: boolean };
  return hot === true ? "import.meta.webpackHot" : undefined;
}

/** What a bundler shows of an error of ours: the text of `cellc check`, and the first place. Undefined for any other error. */
function errorMessage(error: unknown, host: RecordingHost): UnpluginMessageWithText | undefined {
  if (error instanceof CompileError) return messageOf(error.diagnostics, host);
  if (!(error instanceof Failure)) return undefined;
  const help = error.help === undefined ? "" : `\n  = help: ${error.help}`;
  return { message: `error[${error.code}]: ${error.message}${help}` };
}

type UnpluginMessageWithText = Extract<UnpluginMessage, object> & { readonly message: string };

function messageOf(diagnostics: readonly Diagnostic[], host: RecordingHost): UnpluginMessageWithText {
  const sources = new Map([...host.texts].flatMap(([path, text]) => (text === undefined ? [] : [[path, text]])));
  const [{ span }] = diagnostics;
  const text = sources.get(span.file);
  const at = text === undefined ? undefined : new Lines(text).at(span.start);
  return {
    message: renderAll(diagnostics, sources, { color: false }).trimEnd(),
    // Bundlers count columns from 0.
    ...(at && { loc: { file: span.file, line: at.line, column: at.column - 1 } }),
  };
}
