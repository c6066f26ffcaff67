/**
 * One process at a time writes into a folder of results.
 *
 * A process that wants to write first announces itself by a file of its own, whose name says which process it is, and then looks
 * for others'. Of two that announce themselves at once at least one sees the other. Nobody ever takes over a file: those of
 * processes that have ended count for nothing, and whoever sees one may remove it. So there is no moment in which two processes
 * could take over the same stale lock, and a crash at any moment leaves nothing that stops the next process.
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

/** `announced`: it looks for others, and gives way to a name before its own. `held`: it found none. */
type Stage = "announced" | "held";

interface Claim {
  readonly file: string;
  readonly stage: Stage;
  /** Of the process, its start, and which of its claims it is; claims are ordered by it. */
  readonly id: string;
  readonly pid: number;
  readonly started: string;
  readonly host: string;
}

/** Milliseconds between two looks at a process that gives way, and after which it is taken for one that does not. */
const PACE = 20;
const PATIENCE = 5000;

/**
 * Runs `work` while no other process writes into `folder`, which is made where it is missing, and taken away again if nothing was
 * put there. Throws C0410, naming the process that writes there, and C0409 where the folder cannot be written to.
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
    // Of its own name, so nobody else can have made it; its name says all.
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

/** The folder and those around it, up to `outermost`. */
function foldersUpTo(folder: string, outermost: string): readonly string[] {
  const above = dirname(folder);
  return folder === outermost || above === folder ? [folder] : [folder, ...foldersUpTo(above, outermost)];
}

/** Listeners of locks in this process. */
let listening = 0;

/** Removes files, and folders that are empty, once: when called, or when the process ends, by itself or by a signal. */
function releasing(files: readonly string[], folders: readonly string[]): () => void {
  const remove = (): void => {
    for (const file of files) rmSync(file, { force: true });
    try {
      for (const folder of folders) rmdirSync(folder);
    } catch {
      // Something was put there.
    }
  };
  const signals = ["SIGINT", "SIGTERM"] as const;
  const ended = (signal: NodeJS.Signals): void => {
    // Whoever else listens ends the command in good order, and this with it.
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

/** Claims of other processes that run, or of which nobody here can know; those of ended ones are removed. */
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
  // Of a process on another machine nobody here knows.
  if (host !== encodeURIComponent(hostname())) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Somebody else's process runs, too.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  const now = await statusOf(pid);
  // Where the system does not tell when it began, it is taken for the one that wrote the file.
  if (now === undefined || started === "unknown") return true;
  return now.started === started && !now.ended;
}

interface Status {
  /** Which boot of the machine, and clock ticks since. */
  readonly started: string;
  /** It has ended, and its parent has not asked how. */
  readonly ended: boolean;
}

/** What Linux tells of a process; undefined elsewhere, and for one that is gone. */
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
