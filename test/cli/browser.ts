/** A browser without a window, for pages that people will look at: the system's Chromium, which Debian's package puts here. */
import { type Browser, chromium, type Page } from "playwright-core";

const CHROMIUM = "/usr/bin/chromium";

export interface Visit {
  readonly page: Page;
  /** Addresses that the page asked for besides its own. */
  readonly requests: readonly string[];
  /** What its scripts threw, and what the console calls an error. */
  readonly errors: readonly string[];
}

let browser: Promise<Browser> | undefined;

/** As root, in a container, there is no sandbox to be had; the pages are our own. WebGPU runs on the processor. */
const flags = ["--no-sandbox", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];

/** Opens the file at `path`; `closeBrowser` after the last. */
export const visit = (path: string): Promise<Visit> => visitAddress(`file://${path}`);

/** Opens the page at an address; `closeBrowser` after the last. */
export async function visitAddress(address: string): Promise<Visit> {
  browser ??= chromium.launch({ executablePath: CHROMIUM, args: flags });
  const page = await (await browser).newPage({ viewport: { width: 1100, height: 900 } });
  const requests: string[] = [];
  const errors: string[] = [];
  page.on("request", (request) => {
    if (request.url() !== address) requests.push(request.url());
  });
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  await page.goto(address);
  return { page, requests, errors };
}

export async function closeBrowser(): Promise<void> {
  await (await browser)?.close();
}
