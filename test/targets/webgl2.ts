/** WebGL2 for tests in Node: a backend in a page of the system's Chromium, which runs it on SwiftShader. */
import { build } from "esbuild";
import { type Browser, chromium, type Page } from "playwright-core";
import type { Backend, LoadedExecutable } from "../../runtime/backend.ts";
import { closable } from "../../runtime/closable.ts";
import { RuntimeError, type RuntimeErrorCode } from "../../runtime/error.ts";
import type { Executable } from "../../runtime/plan.ts";
import { CHROMIUM, quietFlags, softwareGpuFlags } from "../chromium.ts";
import type { PageOptions, Reply, page as remote } from "./webgl2-page.ts";

/** WebGL2 and WebGPU without a GPU. */
export const chromiumFlags = [...quietFlags, ...softwareGpuFlags];

let bundle: Promise<string> | undefined;

/** The script of a page, bundled for browsers. */
export async function bundled(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    format: "iife",
    platform: "browser",
    write: false,
    logLevel: "error",
  });
  return outputFiles[0].text;
}

type Calls = typeof remote;

/** A page in which backends run. */
export interface BackendPage {
  readonly page: Page;
  /** Opens a backend there. Calls reject with what the page's console says of errors and warnings. */
  backend(options?: PageOptions): Promise<Backend>;
}

export const launchChromium = (): Promise<Browser> =>
  chromium.launch({ executablePath: CHROMIUM, args: chromiumFlags });

/** Only pages that come from this machine, or by https, have WebGPU. */
const address = "http://localhost/";

export async function backendPage(browser: Browser): Promise<BackendPage> {
  bundle ??= bundled(new URL("./webgl2-page.ts", import.meta.url).pathname);
  const page = await browser.newPage();
  await page.route(address, (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html>" }));
  await page.goto(address);
  const errors: string[] = [];
  page.on("console", (message) => {
    // Of SwiftShader's drivers, what is slow is no fault.
    const isAdvice = message.text().includes("GL Driver Message (OpenGL, Performance");
    if (["error", "warning"].includes(message.type()) && !isAdvice) errors.push(message.text());
  });
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.addScriptTag({ content: await bundle });
  const call = async <K extends keyof Calls>(name: K, ...args: Parameters<Calls[K]>) => {
    const answer = (await page.evaluate(
      ([name, args]) =>
        (globalThis as unknown as { cellcPage: Record<string, (...args: unknown[]) => unknown> }).cellcPage[name](
          ...args,
        ),
      [name, args] as readonly [string, readonly unknown[]],
    )) as Reply<unknown>;
    if (errors.length > 0) throw new Error(`the page says: ${errors.splice(0).join("\n")}`);
    if ("code" in answer) throw new RuntimeError(answer.code as RuntimeErrorCode, answer.message, answer.help);
    return answer.result;
  };
  let latest = 0;
  return {
    page,
    async backend(options = {}) {
      const backend = latest++;
      const passes = (await call("start", backend, options)) as Backend["passes"];
      let isClosed = false;
      return {
        name: options.kind ?? "glsl",
        ...(passes !== undefined && { passes }),
        async open(executable: Executable): Promise<LoadedExecutable> {
          const id = latest++;
          await call("open", id, backend, executable);
          const machine = {
            async prepare(steps: number) {
              await call("prepare", id, steps);
            },
            async run(...[entry, steps, first = 0]: Parameters<LoadedExecutable["run"]>) {
              await call("run", id, entry, steps, first);
            },
            async write(...[range, data]: Parameters<LoadedExecutable["write"]>) {
              await call("write", id, range, Buffer.from(Float32Array.from(data).buffer).toString("base64"));
            },
            async read(ranges: Parameters<LoadedExecutable["read"]>[0]) {
              const texts = (await call("read", id, ranges)) as readonly string[];
              return texts.map((text) => new Float32Array(Uint8Array.from(Buffer.from(text, "base64")).buffer));
            },
            close() {
              if (!isClosed) void call("close", id).catch(() => {});
            },
          };
          return closable(machine, () => isClosed);
        },
        close() {
          if (!isClosed) void call("stop", backend).catch(() => {});
          isClosed = true;
        },
      };
    },
  };
}

/** The page of this process: files that share a process share it, since a browser takes long to start. It ends with the process. */
let shared: ReturnType<typeof backendPage> | undefined;

/** A backend of target `glsl` in a browser. */
export async function webgl2InChromium(options: PageOptions = {}): Promise<Backend> {
  shared ??= launchChromium().then(backendPage);
  return (await shared).backend(options);
}
