import type { LoadedExecutable } from "./backend.ts";
import { RuntimeError } from "./error.ts";

/** The error for using something that is closed. */
export const closed = (what: string): RuntimeError =>
  new RuntimeError("C0508", `the ${what} is closed`, "close it when its last call is done, or open another");

/** A machine that refuses all calls once it, or its backend, is closed. Errors: C0508. */
export function closable(machine: LoadedExecutable, isBackendClosed: () => boolean): LoadedExecutable {
  const { direct } = machine;
  let isClosed = false;
  const refuse = (): void => {
    if (isClosed || isBackendClosed()) throw closed(isClosed ? "machine" : "backend");
  };
  const guarded =
    <A extends readonly unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      refuse();
      return call(...args);
    };
  return {
    prepare: guarded(machine.prepare),
    run: guarded(machine.run),
    write: guarded(machine.write),
    read: guarded(machine.read),
    ...(machine.time && { time: guarded(machine.time) }),
    ...(direct && {
      direct: {
        ...direct,
        run(...args) {
          refuse();
          direct.run(...args);
        },
      },
    }),
    close() {
      if (!isClosed) machine.close();
      isClosed = true;
    },
  };
}
