/** Processes that run cases, watched from outside: a case that takes too long is killed with all that it has started. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Case, Verdict } from "./fuzzer.ts";

/** A request to a worker: try a case, show what it is, or look for a smaller one that fails in the same way. */
export type Order =
  | { readonly do: "try" | "make"; readonly fuzzer: string; readonly seed: number }
  | { readonly do: "shrink"; readonly fuzzer: string; readonly seed: number; readonly seconds: number };

/** What it says to that; and at first, when it can take orders, nothing. */
export interface Answer {
  readonly verdict?: Verdict;
  readonly files?: Case["files"];
}

/** What became of an order: an answer, or none in time, or the process's death with its last words. */
export type Reply = Answer | "late" | { readonly died: string };

/** Of JavaScript objects, for each process: a case that needs more is at fault, and others use the machine, too. */
const HEAP_MEGABYTES = 1500;

/** For loading the compiler through a loader, on a machine that is busy. */
const STARTING_SECONDS = 120;

/** Of a dead process's last words, enough to tell why. */
const LAST_WORDS = 4000;

const WORKER = fileURLToPath(new URL("worker.ts", import.meta.url));

/** A worker process, started when it is first needed and again after each death. */
export class TrialProcess {
  readonly #table: string;
  readonly #environment: Readonly<Record<string, string | undefined>>;
  #child: ChildProcess | undefined;
  #stderr = "";

  /** `table`: the file that exports `fuzzers`. */
  constructor(table: string, environment: Readonly<Record<string, string>> = {}) {
    this.#table = table;
    this.#environment = { ...process.env, ...environment };
  }

  /** Starts the process if there is none, so that starting does not count for a request. Throws if it does not start. */
  async ready(): Promise<void> {
    if (this.#child?.connected) return;
    this.close();
    this.#child = this.#start();
    const reply = await this.#next(this.#child, STARTING_SECONDS);
    if (reply === "late" || "died" in reply) {
      this.close();
      throw new Error(`a process for trials does not start: ${reply === "late" ? reply : reply.died}`);
    }
  }

  async order(order: Order, seconds: number): Promise<Reply> {
    await this.ready();
    const child = this.#child!;
    this.#stderr = "";
    child.send(order);
    const reply = await this.#next(child, seconds);
    if (reply === "late" || "died" in reply) this.close();
    return reply;
  }

  #next(child: ChildProcess, seconds: number): Promise<Reply> {
    return new Promise<Reply>((resolve) => {
      const settle = (reply: Reply) => {
        clearTimeout(timer);
        child.removeAllListeners("message").removeAllListeners("close");
        resolve(reply);
      };
      const timer = setTimeout(() => settle("late"), 1000 * seconds);
      child.once("message", (answer: Answer) => settle(answer));
      child.once("close", (code, signal) =>
        settle({ died: `${signal ?? `exit code ${code}`}\n${this.#stderr.trim()}` }),
      );
    });
  }

  /** Ends the process and all that it has started. */
  close(): void {
    const child = this.#child;
    this.#child = undefined;
    if (child?.pid === undefined) return;
    try {
      // The whole group: the commands that the case at hand runs, too.
      process.kill(-child.pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }

  #start(): ChildProcess {
    const child = fork(WORKER, [this.#table], {
      execArgv: ["--import", import.meta.resolve("tsx"), `--max-old-space-size=${HEAP_MEGABYTES}`],
      env: this.#environment,
      serialization: "advanced",
      detached: true,
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-LAST_WORDS);
    });
    // An order that cannot be sent: the process ends, and that is seen.
    child.on("error", ({ message }) => {
      this.#stderr += message;
    });
    return child;
  }
}
