/** The web's `Worker` on Node's threads, as far as the runtime uses it. */
import { resolveObjectURL } from "node:buffer";
import { Worker } from "node:worker_threads";

export class WebWorker {
  /** How many were started, and how many of them ended. */
  static started = 0;
  static ended = 0;
  onmessage: (event: { readonly data: unknown }) => void = () => {};
  onerror: (event: unknown) => void = () => {};
  /** Once it runs; until then what it was sent waits. */
  #worker: Worker | undefined;
  readonly #sent: unknown[] = [];

  constructor(url: string) {
    WebWorker.started++;
    void this.#start(url);
  }

  async #start(url: string): Promise<void> {
    const text = await resolveObjectURL(url)!.text();
    // A page has no `require`, and calls its port `self`.
    const page = `((self, require) => { ${text} })(require("node:worker_threads").parentPort, undefined)`;
    this.#worker = new Worker(page, { eval: true, execArgv: [] });
    this.#worker.on("message", (data) => this.onmessage({ data }));
    this.#worker.on("error", (error) => this.onerror(error));
    for (const message of this.#sent) this.#worker.postMessage(message);
  }

  postMessage(message: unknown): void {
    if (this.#worker === undefined) this.#sent.push(message);
    else this.#worker.postMessage(message);
  }

  terminate(): void {
    WebWorker.ended++;
    void this.#worker?.terminate();
  }
}
