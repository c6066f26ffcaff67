import type { LoadedExecutable } from "./backend.ts";
import { RuntimeError } from "./error.ts";

/** The error for using something that is closed. */
export const closed = (what: string): RuntimeError =>
  new RuntimeError("C0508", `the ${what} is closed`, "close it when its last call is done, or open another");

/** A machine that refuses all calls once it, or its backend, is closed. Errors: C0508. */
export function closable(machine: LoadedExecutable, isBackendClosed: () => boolean): LoadedExecutable {
  let isClosed = false;
  const guarded =
    <A extends readonly unknown[], R>(call: (...args: A) => Promise<R>) =>
    (...args: A): Promise<R> => {
      if (isClosed || isBackendClosed()) return Promise.reject(closed(isClosed ? "machine" : "backend"));
      return call(...args);
    };
  return {
    prepare: guarded(machine.prepare),
    run: guarded(machine.run),
    write: guarded(machine.write),
    read: guarded(machine.read),
    ...(machine.time && { time: guarded(machine.time) }),
    close() {
      if (!isClosed) machine.close();
      isClosed = true;
    },
  };
}
