/**
 * A lock that lets one process at a time write into a folder of results.
 *
 * A process that wants to write creates a file of its own, whose name identifies the process, and then looks for the files of
 * others. If two processes do so at once, at least one of them sees the other. No process ever takes over a file. Files of processes
 * that have ended are ignored, and any process may remove them. So two processes can never take over the same stale lock, and a
 * crash at any moment leaves nothing that blocks the next process.
 */
import { randomBytes } from "node:crypto";
import { rmdirSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import { exit, Failure } from "./failure.ts";
import { cannotWrite } from "./file-errors.ts";

const PREFIX = ".cellc-lock";

/** `announced`: it looks for others and gives way to any whose id sorts first. `held`: it found none. */
type Stage = "announced" | "held";

interface Claim {
  readonly file: string;
  readonly stage: Stage;
  /** Process id, start time and a random part. Claims are ordered by it. */
  readonly id: string;
  readonly pid: number;
  readonly started: string;
  readonly host: string;
}

/** Milliseconds between checks on a process that should give way, and until it is assumed not to. */
const PACE = 20;
const PATIENCE = 5000;

/**
 * Runs `work` while no other process writes into `folder`. Creates the folder if it is missing, and removes it again if it is still
 * empty. Throws C0410 with the process that is writing there, and C0409 if the folder cannot be written to.
 */
export async function withFolderLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const release = await lock(folder);
  try {
    return await work();
  } finally {
    release();
  }
}

async function lock(folder: string): Promise<() => void> {
  const made = await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw cannotWrite(folder, error);
  });
  const status = await statusOf(process.pid);
  // The host is last because it may hold any character.
  const id = `${process.pid}.${status?.started ?? "unknown"}.${randomBytes(4).toString("hex")}`;
  const name = (stage: Stage): string => join(folder, `${PREFIX}.${stage}.${id}.${encodeURIComponent(hostname())}`);
  const release = releasing(
    [name("held"), name("announced")],
    made === undefined ? [] : foldersUpTo(resolve(folder), resolve(made)),
  );
  try {
    // The name is unique, so no other process can have created this file. It needs no content.
    writeFileSync(name("announced"), "", { flag: "wx" });
    for (let waited = 0; ; waited += PACE) {
      const others = await othersIn(folder, id);
      const before = others.find((other) => other.id < id || waited > PATIENCE);
      const holder = others.find(({ stage }) => stage === "held") ?? before;
      if (holder !== undefined) throw busy(folder, holder);
      if (others.length === 0) break;
      await setTimeout(PACE);
    }
    writeFileSync(name("held"), "", { flag: "wx" });
  } catch (error) {
    release();
    throw cannotWrite(folder, error);
  }
  return release;
}

/** The folder and its parents, up to `outermost`. */
function foldersUpTo(folder: string, outermost: string): readonly string[] {
  const above = dirname(folder);
  return folder === outermost || above === folder ? [folder] : [folder, ...foldersUpTo(above, outermost)];
}

/** How many locks of this process listen for signals. */
let listening = 0;

/** Returns a function that removes the files, and the folders if they are empty. It also runs when the process ends or is signalled. */
function releasing(files: readonly string[], folders: readonly string[]): () => void {
  const remove = (): void => {
    for (const file of files) rmSync(file, { force: true });
    try {
      for (const folder of folders) rmdirSync(folder);
    } catch {
      // The folder is not empty.
    }
  };
  const signals = ["SIGINT", "SIGTERM"] as const;
  const ended = (signal: NodeJS.Signals): void => {
    // Another listener ends the command in good order, which releases the lock.
    if (process.listenerCount(signal) > listening) return;
    release();
    process.kill(process.pid, signal);
  };
  let released = false;
  const release = (): void => {
    if (released) return;
    released = true;
    listening--;
    process.off("exit", remove);
    for (const signal of signals) process.off(signal, ended);
    remove();
  };
  listening++;
  process.on("exit", remove);
  for (const signal of signals) process.on(signal, ended);
  return release;
}

/** Claims of other processes that are running, or may be. Removes claims of processes that have ended. */
async function othersIn(folder: string, id: string): Promise<readonly Claim[]> {
  const found = (await readdir(folder)).flatMap((file) => claimOf(file) ?? []);
  const others: Claim[] = [];
  for (const claim of found) {
    if (claim.id === id) continue;
    if (await runs(claim)) others.push(claim);
    else rmSync(join(folder, claim.file), { force: true });
  }
  return others;
}

function claimOf(file: string): Claim | undefined {
  const [, stage, id, pid, started, host] =
    /^\.cellc-lock\.(announced|held)\.(([1-9]\d*)\.([\w-]+)\.[0-9a-f]+)\.([\w.!~*'()%-]+)$/.exec(file) ?? [];
  if (stage !== "announced" && stage !== "held") return undefined;
  return { file, stage, id, pid: Number(pid), started, host };
}

async function runs({ pid, started, host }: Claim): Promise<boolean> {
  // We cannot tell whether a process on another machine is running.
  if (host !== encodeURIComponent(hostname())) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: the process is running and belongs to another user.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  const now = await statusOf(pid);
  // If the system does not say when the process started, assume that it wrote the file.
  if (now === undefined || started === "unknown") return true;
  return now.started === started && !now.ended;
}

interface Status {
  /** The machine's boot, and clock ticks since then. */
  readonly started: string;
  /** It has ended, but its parent has not collected its exit code. */
  readonly ended: boolean;
}

/** What Linux says about a process. Undefined on other systems, and for a process that is gone. */
async function statusOf(pid: number): Promise<Status | undefined> {
  try {
    const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8");
    const text = await readFile(`/proc/${pid}/stat`, "utf8");
    // Field 2, in parentheses, is the program's name, which may hold any character. Field 3 is the state, field 22 the start.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { started: `${boot.slice(0, 8)}-${fields[19]}`, ended: fields[0] === "Z" || fields[0] === "X" };
  } catch {
    return undefined;
  }
}

function busy(folder: string, { file, pid, host }: Claim): Failure {
  const elsewhere = host !== encodeURIComponent(hostname());
  return new Failure(
    "C0410",
    exit.usage,
    `process ${pid}${elsewhere ? ` on ${host}` : ""} writes into ${folder} already`,
    elsewhere
      ? `wait until it ends; if it has, remove ${join(folder, file)}`
      : "wait until it ends, or stop it; or choose another folder",
  );
}
