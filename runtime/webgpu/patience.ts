/** How a promise of the GPU is waited for. */
export type Wait = <R>(promise: Promise<R>) => Promise<R>;

/** The platform wakes us. */
export const wait: Wait = (promise) => promise;

const napMilliseconds = 0.05;

/**
 * For Dawn in Node, which looks for finished work in a busy loop. Where the GPU is SwiftShader that loop takes a core from the
 * work it waits for (ten times slower on two cores), elsewhere it only burns power: so each turn of the loop takes a nap.
 */
export const waitNapping: Wait = async (promise) => {
  let pending = true;
  const clock = new Int32Array(new SharedArrayBuffer(4));
  const nap = (): void => {
    if (!pending) return;
    Atomics.wait(clock, 0, 0, napMilliseconds);
    setImmediate(nap);
  };
  setImmediate(nap);
  try {
    return await promise;
  } finally {
    pending = false;
  }
};
