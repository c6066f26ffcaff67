/** Ctrl-C in a long command: the first asks it to stop after the current step, the second ends the process at once. */
import { exit } from "../failure.ts";

/** The parts of `process` that are needed to listen for signals. Tests pass their own. */
export interface SignalSource {
  on(signal: "SIGINT" | "SIGTERM", listener: () => void): unknown;
  off(signal: "SIGINT" | "SIGTERM", listener: () => void): unknown;
  exit(code: number): unknown;
}

/** A command was stopped before it had a result. It has changed nothing. */
export class Interrupted extends Error {
  constructor() {
    super("stopped");
    this.name = "Interrupted";
  }
}

/**
 * Runs `work` with a signal that SIGINT or SIGTERM aborts; its reason is an `Interrupted`. `say` is called then, once. Whatever must
 * not be lost to a second signal's listeners being gone, such as saving, belongs into `work`.
 */
export async function withInterrupt<T>(
  source: SignalSource,
  say: () => void,
  work: (interrupt: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let signals = 0;
  const listener = () => {
    signals++;
    if (signals === 1) {
      controller.abort(new Interrupted());
      say();
    }
    // A process that is ending already is left to it.
    if (signals === 2) source.exit(exit.interrupted);
  };
  source.on("SIGINT", listener);
  source.on("SIGTERM", listener);
  try {
    return await work(controller.signal);
  } finally {
    source.off("SIGINT", listener);
    source.off("SIGTERM", listener);
  }
}
