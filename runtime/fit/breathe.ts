/** Gives the event loop a turn: work that only awaits promises never lets signals, clicks or timers be seen. */

/** Milliseconds of work without a pause: a tenth of what people notice, and hundreds of times what a pause costs. */
const PACE = 10;

let last = 0;

/** Resolves at once or, if the last pause was 10 ms ago, after the event loop has handled what was waiting. Never rejects. */
export async function breathe(): Promise<void> {
  if (performance.now() - last < PACE) return;
  await turn();
  last = performance.now();
}

/** Not `setTimeout`, which browsers stretch to 4 ms, and in hidden pages to a second. */
function turn(): Promise<void> {
  // Node's, which runs after signals have been handled.
  if (typeof setImmediate === "function") return new Promise((resolve) => void setImmediate(resolve));
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}

/**
 * The elements of `items`, with a pause for the event loop before each. Throws `signal.reason` once the signal is aborted, so that a pass
 * over them ends with the present one.
 */
export async function* paced<T>(items: Iterable<T> | AsyncIterable<T>, signal?: AbortSignal): AsyncGenerator<T> {
  for await (const item of items) {
    await breathe();
    signal?.throwIfAborted();
    yield item;
  }
  // Also after the last: what a pass found is not used if it was to stop.
  await breathe();
  signal?.throwIfAborted();
}
