/** A peer in its own process. It gets one request at a time and is stopped if it takes too long. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Hello, Job, Prepared, Ran, Refused, Request } from "./protocol.ts";

/** How much of a peer's stderr is kept: enough to show why it ended. */
const KEPT_CHARACTERS = 2000;

const root = fileURLToPath(new URL("..", import.meta.url));

export interface PeerOptions {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Its methods reject with the reason if the peer refuses, ends or times out. After the last two, every later call rejects, too. */
export class Peer {
  readonly #child: ChildProcessWithoutNullStreams;
  #waiting: { readonly settle: (reply: unknown) => void; readonly fail: (reason: Error) => void } | undefined;
  #ended: Error | undefined;
  #said = "";

  private constructor({ command: [command, ...args], environment }: PeerOptions) {
    this.#child = spawn(command, args, { cwd: root, env: { ...process.env, ...environment }, stdio: "pipe" });
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#said = (this.#said + text).slice(-KEPT_CHARACTERS);
    });
    // A write to a peer that has ended; `close` reports why.
    this.#child.stdin.on("error", () => {});
    this.#child.on("error", (error) => this.#end(error));
    this.#child.on("close", (code, signal) => this.#end(new Error(reasonOf(this.#said, code, signal))));
    createInterface({ input: this.#child.stdout }).on("line", (line) => {
      if (line.startsWith("{")) this.#waiting?.settle(JSON.parse(line));
    });
  }

  /** Starts a peer and waits for its hello. */
  static async start(options: PeerOptions, limitMs: number): Promise<readonly [Peer, Hello]> {
    const peer = new Peer(options);
    return [peer, (await peer.#reply(limitMs)) as Hello];
  }

  prepare(key: string, job: Job, limitMs: number): Promise<Prepared> {
    return this.#ask({ do: "prepare", key, job }, limitMs) as Promise<Prepared>;
  }

  /** Milliseconds of one run. */
  async run(key: string, times: number, limitMs: number): Promise<number> {
    return ((await this.#ask({ do: "run", key, times }, limitMs)) as Ran).ms;
  }

  stop(): void {
    this.#child.kill("SIGKILL");
  }

  #ask(request: Request, limitMs: number): Promise<unknown> {
    if (this.#ended === undefined) this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    return this.#reply(limitMs);
  }

  #reply(limitMs: number): Promise<unknown> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        this.#end(new Error(`no answer within ${Math.round(limitMs / 1000)} s`));
        this.stop();
      }, limitMs);
      const done = (act: () => void): void => {
        clearTimeout(late);
        this.#waiting = undefined;
        act();
      };
      this.#waiting = {
        settle: (reply) => done(() => (isRefusal(reply) ? reject(new Error(reply.error)) : resolve(reply))),
        fail: (reason) => done(() => reject(reason)),
      };
    });
  }

  #end(reason: Error): void {
    this.#ended ??= reason;
    this.#waiting?.fail(this.#ended);
  }
}

function isRefusal(reply: unknown): reply is Refused {
  return typeof reply === "object" && reply !== null && "error" in reply;
}

/** One line that says why a process ended: the error it printed, or its exit code or signal. */
export function reasonOf(said: string, code: number | null, signal: string | null): string {
  const lines = said.split("\n").map((line) => line.trim());
  const error = lines.findLast((line) => /^(\w*Error\b|\w+Exception\b|error\b)/.test(line));
  const [missing] = /Cannot find package '[^']+'/.exec(said) ?? [];
  if (missing !== undefined) return `${missing} (npm run bench:setup installs the packages)`;
  return (
    error?.replace(/^Error: /, "") ?? (signal === null ? `it ended with code ${code}` : `it was ended by ${signal}`)
  );
}
