/** Somebody who follows a tutorial: an empty folder with the package, in which files are written and commands are run. */
import { spawn } from "node:child_process";
import { appendFile, chmod, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { applicationWithPackage } from "../cli/install-package.ts";

export interface Printed {
  readonly code: number | null;
  /** What went to both streams, in its order. */
  readonly text: string;
}

export interface Reader {
  /** Writes a file into the folder that the commands are in, or adds to its end. */
  write(name: string, content: string, append: boolean): Promise<void>;
  /** Runs lines of a shell, which end at the first that fails. `cd` holds for what comes after. */
  run(script: string): Promise<Printed>;
}

/** No command of a tutorial takes longer than some seconds, unless it hangs. */
const TOO_LONG = 250_000;

/** What the folder of the package has besides what the reader makes. */
const KEPT = new Set(["node_modules", "package.json", "bin"]);

/** With `CELLC_UNFUSED=1`, Node computes as on a processor without a fused multiply-add, which rounds otherwise. */
const FLAGS = process.env.CELLC_UNFUSED === "1" ? "--no-enable-fma3" : "";

/** Returns what opens an empty folder for a reader; the package is built and installed once. */
export async function readersRoom(within: string): Promise<() => Promise<Reader>> {
  const room = await applicationWithPackage(within);
  // As `npm install` leaves it. Without it, the folder would be a part of the repository's own package.
  await writeFile(join(room, "package.json"), "{}\n");
  await mkdir(join(room, "bin"));
  // As npx does it, without the half second in which it looks around.
  const main = join(room, "node_modules/cellc/dist/cli/main.js");
  const words = `[ "$1" = cellc ] || { echo "npx $1?" >&2; exit 127; }\nshift`;
  await writeFile(join(room, "bin/npx"), `#!/bin/sh\n${words}\nexec node ${FLAGS} ${main} "$@"\n`);
  await chmod(join(room, "bin/npx"), 0o755);
  return async () => {
    for (const name of await readdir(room))
      if (!KEPT.has(name)) await rm(join(room, name), { recursive: true, force: true });
    return readerIn(room);
  };
}

function readerIn(room: string): Reader {
  let folder = room;
  return {
    write: (name, content, append) => (append ? appendFile : writeFile)(join(folder, name), content),
    async run(script) {
      const lines = `exec 2>&1\nset -e\n${script}\npwd >&3`;
      const child = spawn("sh", ["-c", lines], {
        cwd: folder,
        env: { PATH: `${join(room, "bin")}:${process.env.PATH}`, HOME: "/nonexistent" },
        stdio: ["ignore", "pipe", "inherit", "pipe"],
        timeout: TOO_LONG,
      });
      const ended = new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
      const place = child.stdio[3] as NodeJS.ReadableStream;
      const [printed, at, code] = await Promise.all([text(child.stdout!), text(place), ended]);
      if (code === 0) folder = at.trimEnd();
      return { code, text: printed };
    },
  };
}
