/** Waits until files change. */
import { type FSWatcher, watch } from "node:fs";
import { dirname, resolve } from "node:path";

/** How often an interrupt is looked for, and how long after a change others may belong to it, in milliseconds. */
const pause = 50;

/** Files, by what is made of them. */
export interface WatchedFiles {
  /** From now on, `made` depends on these files alone. */
  replace(made: string, files: readonly string[]): void;
  /** Resolves to everything that depends on a file that has changed; to nothing once it is interrupted. */
  changed(interrupt: AbortSignal): Promise<readonly string[]>;
  close(): void;
}

/** Watches folders, because editors replace files instead of writing to them. */
export function watchFiles(): WatchedFiles {
  const dependencies = new Map<string, ReadonlySet<string>>();
  const folders = new Map<string, FSWatcher>();
  const touched = new Set<string>();
  const follow = (files: Iterable<string>): void => {
    for (const file of files) {
      const folder = dirname(file);
      if (folders.has(folder)) continue;
      const watcher = watch(folder, (_, name) => {
        if (name !== null) touched.add(resolve(folder, name));
      });
      folders.set(folder, watcher);
    }
  };
  return {
    replace(made, files) {
      const paths = new Set(files.map((file) => resolve(file)));
      dependencies.set(made, paths);
      follow(paths);
    },
    async changed(interrupt) {
      const due = () =>
        [...dependencies].flatMap(([made, files]) => ([...files].some((f) => touched.has(f)) ? [made] : []));
      while (!interrupt.aborted && due().length === 0) await sleep();
      if (interrupt.aborted) return [];
      await sleep();
      const found = due();
      touched.clear();
      return found;
    },
    close() {
      for (const watcher of folders.values()) watcher.close();
    },
  };
}

const sleep = (): Promise<void> => new Promise((done) => setTimeout(done, pause));
