/** WebGL2 for tests in Node: a backend in a page of the system's Chromium, which runs it on SwiftShader. */
import { build } from "esbuild";
import { type Browser, chromium, type Page } from "playwright-core";
import type { Backend, LoadedExecutable } from "../../runtime/backend.ts";
import { closable } from "../../runtime/closable.ts";
import { RuntimeError, type RuntimeErrorCode } from "../../runtime/error.ts";
import type { Reply, page as remote } from "./webgl2-page.ts";

export const CHROMIUM = "/usr/bin/chromium";

/** WebGL2 and WebGPU without a GPU, and nothing that asks the network. */
export const chromiumFlags = [
  ...["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
  ...["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"],
  "--no-first-run",
];

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

/** A backend of target `glsl` in a page of its own. */
export async function webgl2InChromium(): Promise<Backend & { readonly page: Page }> {
  bundle ??= bundled(new URL("./webgl2-page.ts", import.meta.url).pathname);
  const browser: Browser = await chromium.launch({ executablePath: CHROMIUM, args: chromiumFlags });
  const page = await browser.newPage();
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
  await call("start");
  let latest = 0;
  let isClosed = false;
  return {
    name: "glsl",
    page,
    async open(executable): Promise<LoadedExecutable> {
      const id = latest++;
      await call("open", id, executable);
      return closable(
        {
          async prepare(steps) {
            await call("prepare", id, steps);
          },
          async run(entry, steps, first = 0) {
            await call("run", id, entry, steps, first);
          },
          async write(range, data) {
            await call("write", id, range, Buffer.from(Float32Array.from(data).buffer).toString("base64"));
          },
          async read(ranges) {
            const texts = (await call("read", id, ranges)) as readonly string[];
            return texts.map((text) => new Float32Array(Uint8Array.from(Buffer.from(text, "base64")).buffer));
          },
          close() {
            if (!isClosed) void call("close", id).catch(() => {});
          },
        },
        () => isClosed,
      );
    },
    close() {
      isClosed = true;
      void browser.close();
    },
  };
}
