/** A compiled model as `cellc compile` and `cellc export` write it, on the disk and on a server. */
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { executableFiles, writeExecutable } from "../../cli/executable-files.ts";
import { type TargetName, targets } from "../../cli/targets.ts";
import type { CompileOptions } from "../../compiler/options.ts";
import { encodeCheckpoint, Session, type SessionState, wasmBackend } from "../../runtime/index.ts";
import { executableOf, soundBatch, wordsText } from "./compiled.ts";

export const examples = 3;

/** The model of a text for each target. */
export const compiledFor = (names: readonly TargetName[], options: CompileOptions = {}, text = wordsText) =>
  Promise.all(
    names.map(async (target) => ({
      target,
      executable: executableOf(text, { batch: examples, time: 5, ...options }, await targets[target].load()),
    })),
  );

/** The state after some steps of training. */
export async function trainedState(): Promise<SessionState> {
  const [{ executable }] = await compiledFor(["wasm"]);
  const backend = wasmBackend({ threads: 1 });
  const session = await Session.open(executable, backend, { seed: 3 });
  for (let step = 0; step < 4; step++) await session.train(soundBatch(executable.plan, 5, step), { lr: 1e-2 });
  const state = await session.state();
  backend.close();
  return state;
}

/** Writes a folder for inference and for streams. */
export async function writeModel(folder: string, names: readonly TargetName[], weights?: SessionState): Promise<void> {
  const compiled = await compiledFor(names, { entries: ["infer", "step"] });
  await writeExecutable(folder, executableFiles(compiled, weights && encodeCheckpoint(weights)));
}

export interface Server {
  /** `http://…/`. */
  readonly address: string;
  close(): Promise<void>;
}

/** Serves a folder. `answer` is asked first, and says whether it has answered. */
export async function serve(
  folder: string,
  answer: (request: IncomingMessage, response: ServerResponse) => boolean = () => false,
): Promise<Server> {
  const server = createServer(async (request, response) => {
    if (answer(request, response)) return;
    try {
      const bytes = await readFile(join(folder, new URL(request.url ?? "", "http://server").pathname));
      response.end(bytes);
    } catch {
      response.writeHead(404, "Not Found").end("there is none");
    }
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("the server has no port");
  return {
    address: `http://127.0.0.1:${bound.port}/`,
    close() {
      server.closeAllConnections();
      return new Promise((done) => server.close(() => done()));
    },
  };
}
