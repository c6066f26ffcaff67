/** The page of examples/web in a browser, as a test uses it. */
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type Visit, type VisitOptions, visitAddress } from "./browser.ts";

/** The page, and what people see and do there. */
export class WavesPage {
  readonly #visit: Visit;
  readonly #address: string;
  readonly #shots: string;

  /** @param shots a folder for pictures */
  constructor(visit: Visit, address: string, shots: string) {
    this.#visit = visit;
    this.#address = address;
    this.#shots = shots;
  }

  get page() {
    return this.#visit.page;
  }

  press = (button: string): Promise<void> => this.page.getByRole("button", { name: button, exact: true }).click();
  choose = (backend: string): Promise<void> => this.page.getByLabel(backend, { exact: true }).check();
  text = async (id: string): Promise<string> => (await this.page.locator(`#${id}`).textContent()) ?? "";
  step = async (): Promise<number> => Number(await this.text("step"));

  /** Waits until so many steps are done, then pauses. Returns the step at which it stands. */
  async pauseAfter(step: number): Promise<number> {
    await this.page.waitForFunction(`Number(document.querySelector("#step").textContent) >= ${step}`);
    await this.press("Pause");
    await this.page.getByRole("button", { name: "Continue", exact: true }).waitFor();
    return this.step();
  }

  /** How many points the curve of the loss has. */
  points = async (): Promise<number> => {
    const points = await this.page.locator("#loss-chart polyline.light").getAttribute("points");
    return (points ?? "").split(" ").filter((point) => point !== "").length;
  };

  /** Every tenth step with its numbers: loss, accuracy, held-out accuracy. */
  async rows(): Promise<ReadonlyMap<number, string>> {
    const rows = await this.page.locator("#numbers tr").all();
    const cells = await Promise.all(rows.map((row) => row.locator("td").allTextContents()));
    return new Map(cells.map(([step, ...numbers]) => [Number(step), numbers.join(" ")]));
  }

  async load(name: string, buffer: Buffer): Promise<void> {
    await this.page.locator("#load").setInputFiles({ name, mimeType: "application/octet-stream", buffer });
  }

  shoot = (name: string) => this.page.screenshot({ path: join(this.#shots, `${name}.png`), fullPage: true });

  /** What no page of ours may do: log errors, ask other servers, be wider than the screen. */
  async faults(): Promise<readonly string[]> {
    const elsewhere = this.#visit.requests.filter((url) => !url.startsWith(this.#address) && !url.startsWith("blob:"));
    const overflow = (await this.page.evaluate(
      "document.documentElement.scrollWidth - document.documentElement.clientWidth",
    )) as number;
    const [errors, asks] = [this.#visit.errors, elsewhere.map((url) => `asks ${url}`)];
    return [...errors, ...asks, ...(overflow > 0 ? [`${overflow} px too wide`] : [])];
  }
}

/** Opens the page until the test ends. */
export async function openWaves(address: string | undefined, shots: string, options: VisitOptions): Promise<WavesPage> {
  if (address === undefined) throw new Error("nobody serves the page");
  const visit = await visitAddress(address, options);
  onTestFinished(() => visit.page.close());
  return new WavesPage(visit, address, shots);
}
