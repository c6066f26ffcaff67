/** What is wrong with a page that people will look at, at the widths and in the colours that they have. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Visit } from "./browser.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

const VIEWS = [1200, 375].flatMap((width) =>
  (["light", "dark"] as const).map((colorScheme) => ({ width, colorScheme })),
);

/**
 * What axe objects to, whether the page is wider than its window, what its scripts threw and what it asked the network for: at 1200 and
 * 375 pixels, light and dark. A picture of each goes to `shots`, if there is such a folder.
 */
export async function pageFaults({ page, requests, errors }: Visit, shots?: string): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const { width, colorScheme } of VIEWS) {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme });
    // Charts are drawn anew in the next frame.
    await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
    await page.evaluate(`window.axe ?? (0, eval)(${JSON.stringify(axe)})`);
    const { violations } = (await page.evaluate("axe.run()")) as { readonly violations: readonly Violation[] };
    const where = `${width} ${colorScheme}`;
    for (const { id, nodes } of violations) faults.push(`${where}: ${id}: ${nodes[0].html} ${nodes[0].failureSummary}`);
    const over = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
    if (over !== 0) faults.push(`${where}: ${over} pixels too wide`);
    if (shots !== undefined) await page.screenshot({ path: `${shots}/${width}-${colorScheme}.png`, fullPage: true });
  }
  return [...faults, ...errors, ...requests.map((request) => `asks for ${request}`)];
}
