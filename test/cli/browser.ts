/** A browser without a window, for pages that people will look at. */
import { type Browser, chromium, type Page } from "playwright-core";
import { CHROMIUM, quietFlags, softwareGpuFlags } from "../chromium.ts";

export interface Visit {
  readonly page: Page;
  /** Addresses that the page asked for besides its own. */
  readonly requests: readonly string[];
  /** What its scripts threw, and what the console calls an error. */
  readonly errors: readonly string[];
}

/** How a page is opened. */
export interface VisitOptions {
  /** In CSS pixels. Default: 1100 × 900. */
  readonly viewport?: { readonly width: number; readonly height: number };
  /** Whether the page has WebGPU and WebGL2, by SwiftShader: a GPU that is a program. Default: false. */
  readonly softwareGpu?: boolean;
}

/** The browsers that are open, by whether they have a GPU. */
const browsers = new Map<boolean, Promise<Browser>>();

/** Opens the file at `path`; `closeBrowser` after the last. */
export const visit = (path: string): Promise<Visit> => visitAddress(`file://${path}`);

/** Opens the page at an address; `closeBrowser` after the last. */
export async function visitAddress(address: string, options: VisitOptions = {}): Promise<Visit> {
  const { viewport = { width: 1100, height: 900 }, softwareGpu = false } = options;
  const args = [...quietFlags, ...(softwareGpu ? softwareGpuFlags : [])];
  const browser = browsers.get(softwareGpu) ?? chromium.launch({ executablePath: CHROMIUM, args });
  browsers.set(softwareGpu, browser);
  const page = await (await browser).newPage({ viewport });
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
  const open = [...browsers.values()];
  browsers.clear();
  for (const browser of open) await (await browser).close();
}
