/**
 * Worker threads on the platform at hand: the web's `Worker` in browsers and Deno, or in Node that of `worker_threads`.
 * Uses Node's `process` where there is one, and imports nothing from Node.
 */
import { type Answer, createThread, type Order } from "./thread.ts";

export interface WorkerThread {
  post(order: Order): void;
  /** Whether it keeps Node alive, as it does at first. */
  hold(held: boolean): void;
  end(): void;
}

/** Is told each answer of a worker, or once that it failed. */
export interface Listener {
  answer(answer: Answer): void;
  fail(): void;
}

/** How many threads can run at a time. */
export function processors(): number {
  const count = node("node:os")?.availableParallelism?.() ?? globalThis.navigator?.hardwareConcurrency;
  return count ?? 1;
}

/** Whether memory can be shared with workers: a web page must be cross-origin isolated for it. */
export function sharesMemory(): boolean {
  if (typeof SharedArrayBuffer === "undefined" || globalThis.crossOriginIsolated === false) return false;
  return typeof Worker !== "undefined" || node("node:worker_threads") !== undefined;
}

/** Whether the calling thread may sleep in `Atomics.wait`: the main thread of a web page may not. */
export function maySleep(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0);
    return true;
  } catch {
    return false;
  }
}

/** Starts a worker as thread `index`. Throws where the platform refuses at once. */
export function startWorker(index: number, listener: Listener): WorkerThread {
  // The first message brings the thread's index; `require` is Node's.
  const text = `
    const port = typeof require === "function" ? require("node:worker_threads").parentPort : self;
    port.onmessage = ({ data: { index } }) => {
      const thread = (${createThread})(index, true);
      port.onmessage = ({ data }) => {
        const answer = thread.obey(data);
        if (answer !== undefined) port.postMessage(answer);
      };
    };`;
  const start = hasWebWorkers() ? startWebWorker : startNodeWorker;
  return start(text, { index }, listener);
}

/** Libraries for both, such as onnxruntime-web, put Node's own class in the place of the web's. */
const hasWebWorkers = (): boolean =>
  typeof Worker !== "undefined" && Worker !== (node("node:worker_threads")?.Worker as unknown);

interface First {
  readonly index: number;
}

function startWebWorker(text: string, first: First, listener: Listener): WorkerThread {
  const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  const worker = new Worker(url, { name: `cellc ${first.index}` });
  worker.onmessage = ({ data }) => {
    // It has read its text by now.
    URL.revokeObjectURL(url);
    listener.answer(data as Answer);
  };
  worker.onerror = () => listener.fail();
  worker.postMessage(first);
  return { post: (order) => worker.postMessage(order), hold: () => {}, end: () => worker.terminate() };
}

function startNodeWorker(text: string, first: First, listener: Listener): WorkerThread {
  const { Worker: NodeWorker } = node("node:worker_threads")!;
  // Without this process's options: a loader would take longer to start than the worker.
  const worker = new NodeWorker(text, { eval: true, execArgv: [], name: `cellc ${first.index}` });
  worker.on("message", (answer: Answer) => listener.answer(answer));
  worker.on("error", () => listener.fail());
  worker.on("exit", () => listener.fail());
  worker.postMessage(first);
  return {
    post: (order) => worker.postMessage(order),
    hold: (held) => (held ? worker.ref() : worker.unref()),
    end: () => void worker.terminate(),
  };
}

const node: typeof process.getBuiltinModule = (name: string) =>
  typeof process === "undefined" ? undefined : process.getBuiltinModule?.(name);
