/** A way to wait for a promise of the GPU. */
export type Wait = <R>(promise: Promise<R>) => Promise<R>;

/** Where the platform wakes the caller. */
export const wait: Wait = (promise) => promise;

/** A nap lasts a sixteenth of the time that was waited before, so that little is lost on any wait; in milliseconds, from 0.05 to 1. */
const napAfter = (waited: number): number => Math.min(Math.max(waited / 16, 0.05), 1);

/**
 * For Dawn in Node, which polls for finished work in a busy loop. With SwiftShader as the GPU, that loop takes a core from the work
 * it waits for (ten times slower on two cores); elsewhere it only burns power. So each turn of the event loop sleeps for a moment.
 */
export const waitThrottled: Wait = async (promise) => {
  let pending = true;
  const since = performance.now();
  const clock = new Int32Array(new SharedArrayBuffer(4));
  const nap = (): void => {
    if (!pending) return;
    Atomics.wait(clock, 0, 0, napAfter(performance.now() - since));
    setImmediate(nap);
  };
  setImmediate(nap);
  try {
    return await promise;
  } finally {
    pending = false;
  }
};
