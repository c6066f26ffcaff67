/** What a generated module is made of, and how it is opened. */
import type { Backend } from "../backend.ts";
import { backendTitles } from "../backend-titles.ts";
import type { DrawNoise } from "../draw-noise.ts";
import { RuntimeError } from "../error.ts";
import { InferenceSession } from "../inference-session.ts";
import type { Ragged } from "../lengths.ts";
import type { Code, Executable, Plan } from "../plan.ts";
import { shown } from "../shown.ts";
import { InferenceModel } from "./inference-model.ts";
import type { Held, Serving } from "./model.ts";
import type { OpenModelStream } from "./model-stream.ts";
import type { Signature } from "./signature.ts";

/** The version of what a generated module and the runtime expect of each other. It changes when either would misread the other. */
export const runtimeVersion = 2;

/** A model's kernels of one target. */
export interface ModuleKernels {
  /** The target's name: `wasm`, `wgsl`. */
  readonly target: string;
  readonly plan: Plan;
  code(): Code;
  /** Opens its backend. `software`: whether one that runs on the processor will do instead of a GPU. */
  backend(options: { readonly software: boolean }): Backend | Promise<Backend>;
}

/** What a generated module hands to the runtime. */
export interface ModuleParts {
  /** The version of the runtime that it was made for. */
  readonly runtimeVersion: number;
  /** The command that makes it again. */
  readonly command: string;
  /** Names of the inputs that only the loss needs. */
  readonly targets: readonly string[];
  /** The first that the machine can run is used. */
  readonly kernels: readonly ModuleKernels[];
}

/** What one hands over that only infers: with what it does, so that a bundle has no more. */
export interface InferenceParts extends ModuleParts {
  /** How streams are opened, if it has the entry `step`. */
  readonly stream?: OpenModelStream<InferenceSession>;
  /** Who draws the numbers of its noise, if it has any. */
  readonly noise?: DrawNoise;
  /** What it needs for sequences that differ in length, if it takes them. */
  readonly ragged?: Ragged;
}

/** What opening takes. */
export interface OpenOptions<Target extends string = string> {
  /**
   * Where to run: the name of a target that the module has kernels of, or an open backend, which then stays open. Default: the first
   * that the machine has.
   */
  readonly backend?: Target | Backend;
}

/** A cell or model that can be opened to infer. */
export interface InferenceModule<S extends Signature, Target extends string = string, M = InferenceModel<S>> {
  /** Loads it; parameters have no values before `loadCheckpoint` or `write`. Errors: C0406 (options), C0503 … C0507 (the machine). */
  open(options?: OpenOptions<Target>): Promise<M>;
}

/** Errors: C0411, if the module was made for another version of the runtime. */
export function inferenceModule<S extends Signature, Target extends string>(
  parts: InferenceParts,
): InferenceModule<S, Target> {
  checkVersion(parts);
  return {
    open: async (given) =>
      new InferenceModel(
        await held(parts, given?.backend ?? undefined, (executable, on) =>
          InferenceSession.open(executable, on, parts),
        ),
        parts.stream,
      ),
  };
}

/** Errors: C0411. */
export function checkVersion({ runtimeVersion: made, command }: ModuleParts): void {
  if (made === runtimeVersion) return;
  throw new RuntimeError(
    "C0411",
    `the module was made for version ${made} of the runtime's interface, and this is version ${runtimeVersion}`,
    `make it again: ${command}`,
  );
}

/** The machine lacks something that other kernels may not need. */
const lacking: readonly string[] = ["C0503", "C0504", "C0507"];

/** Opens a session on the backend asked for, or on the first of the module's that the machine has. */
export async function held<Session extends Serving>(
  { kernels, targets }: ModuleParts,
  wanted: string | Backend | undefined,
  open: (executable: Executable, on: Backend) => Promise<Session>,
): Promise<Held<Session>> {
  const isOpen = typeof wanted === "object";
  const candidates = kernels.filter(
    ({ target, plan }) => wanted === undefined || (isOpen ? plan.target === wanted.name : target === wanted),
  );
  const tried: string[] = [];
  for (const [i, candidate] of candidates.entries()) {
    const isLast = i === candidates.length - 1;
    let own: Backend | undefined;
    try {
      // On a processor, what comes next is faster than a GPU's kernels.
      if (!isOpen) own = await candidate.backend({ software: isLast });
      const backend = own ?? (wanted as Backend);
      const session = await open(executableOf(candidate), backend);
      return { session, backend, ownsBackend: !isOpen, reason: tried.join("; "), targets };
    } catch (error) {
      own?.close();
      if (isLast || !(error instanceof RuntimeError && lacking.includes(error.code))) throw error;
      tried.push(`${backendTitles[candidate.plan.target]}: ${error.message}`);
    }
  }
  throw without(isOpen ? wanted.name : wanted, kernels);
}

const executableOf = ({ plan, code }: ModuleKernels): Executable => ({ plan, code: code() });

const without = (name: unknown, kernels: readonly ModuleKernels[]): RuntimeError =>
  new RuntimeError(
    "C0406",
    `the module has no kernels for ${shown(name)}`,
    `it has ${kernels.map(({ target }) => target).join(", ")}; cellc compile --target ts --kernels makes others`,
  );
