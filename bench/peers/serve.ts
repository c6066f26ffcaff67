/** A peer's side of the conversation with the driver, for peers that are JavaScript. */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { decodeSafetensors } from "../../runtime/safetensors.ts";
import type { Check, Hello, Job, Prepared, Ran, Refused, Request } from "../protocol.ts";

/** A cell, built and fed. */
export interface Program {
  /** One run from given numbers to results that are there, not merely under way. */
  readonly run: () => void | Promise<void>;
  /** What the last run computed. */
  readonly check: () => Check | Promise<Check>;
  readonly note?: string;
}

/** Says hello and answers requests on stdin until it ends. `build` throws for what the library cannot do. */
export async function serve(facts: Hello["facts"], build: (job: Job) => Program | Promise<Program>): Promise<void> {
  // Replies are all there is on stdout.
  console.log = console.info = console.error;
  const reply = (message: Hello | Prepared | Ran | Refused): void => {
    process.stdout.write(`${JSON.stringify(message)}\n`);
  };
  const programs = new Map<string, Program>();
  const answer = async (request: Request): Promise<Prepared | Ran> => {
    if (request.do === "prepare") {
      const program = await build(request.job);
      programs.set(request.key, program);
      return { ms: await timed(program, 1), check: await program.check(), note: program.note };
    }
    const program = programs.get(request.key);
    if (program === undefined) throw new Error(`nothing is prepared under ${request.key}`);
    return { ms: await timed(program, request.times) };
  };
  reply({ facts });
  for await (const line of createInterface({ input: process.stdin })) {
    try {
      reply(await answer(JSON.parse(line) as Request));
    } catch (thrown) {
      reply({ error: thrown instanceof Error ? thrown.message : String(thrown) });
    }
  }
}

async function timed(program: Program, times: number): Promise<number> {
  const start = performance.now();
  for (let k = 0; k < times; k++) await program.run();
  return (performance.now() - start) / times;
}

/** A job's numbers, by name. */
export function numbersOf(job: Job): Readonly<Record<string, Float32Array>> {
  const { tensors } = decodeSafetensors(readFileSync(job.numbers));
  return Object.fromEntries([...tensors].map(([name, { data }]) => [name, data]));
}

/** The version of an installed peer. */
export function versionOf(name: string): string {
  const file = new URL(`node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
