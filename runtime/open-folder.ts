/** Opens the compiled model in a folder: backend, plan, code and weights, in one call. */

import type { Backend } from "./backend.ts";
import { checkPlan } from "./check-plan.ts";
import { decodeCheckpoint } from "./checkpoint.ts";
import { type BackendOptions, backendRows, type ChosenBackend, firstBackend } from "./choose-backend.ts";
import { checkComplete, readCode } from "./code-reader.ts";
import { RuntimeError } from "./error.ts";
import { type Folder, mostBytes, readFile, readJson } from "./folder.ts";
import { kindsIn, type Manifest, manifestName, manifestOf, type TargetFiles } from "./manifest.ts";
import { optionParser, type Rules } from "./option-parser.ts";
import type { Executable, Plan } from "./plan.ts";
import { Session } from "./session.ts";
import type { SessionOptions } from "./session-types.ts";
import { isRecord, shown } from "./shown.ts";
import type { SessionState } from "./state.ts";

/** What opening an executable takes, wherever it is. */
export interface OpenExecutableOptions extends Omit<BackendOptions, "backend"> {
  /**
   * An open backend, or the name of one. Default: `auto`, the first that runs here and that the model was compiled for, of WebGPU and
   * WebGL2 on a GPU, and WebAssembly.
   */
  readonly backend?: Backend | BackendOptions["backend"];
  /** A checkpoint to use instead of the folder's own weights, or `false` to load none. */
  readonly weights?: string | URL | false;
  /** For what is loaded from an address: headers, credentials, a signal that aborts, as `fetch` takes them. */
  readonly request?: RequestInit;
}

/** A compiled model, ready for a session: `Session.open(executable, backend, { state: weights })`. */
export interface OpenedExecutable {
  /** Plan and code for `backend`. For WebAssembly, only the module that its instructions need. */
  readonly executable: Executable;
  /** Close it when its last session is done, unless it was given. `reason` says why it was chosen. */
  readonly backend: Backend;
  /** Parameters and statistics, if the folder has any. */
  readonly weights: SessionState | undefined;
}

/** What `openSession` takes besides. */
export interface OpenSessionOptions extends OpenExecutableOptions {
  /** For a model without weights: a whole number that determines the initial parameters. */
  readonly seed?: number;
  /** As in `SessionOptions`. */
  readonly carrying?: SessionOptions["carrying"];
}

const isBackend = (value: unknown): value is Backend => isRecord(value) && typeof value.open === "function";

const isPlace = (value: unknown): boolean => value instanceof URL || (typeof value === "string" && value !== "");

const rules: Rules<OpenExecutableOptions> = {
  backend: [
    `auto, ${Object.keys(backendRows).join(", ")}, or an open backend`,
    (value) => isBackend(value) || value === "auto" || Object.hasOwn(backendRows, String(value)),
  ],
  wasm: ["an object", isRecord],
  webgl2: ["an object", isRecord],
  weights: ["a path or an address, or false", (value: unknown) => value === false || isPlace(value)],
  request: ["an object", isRecord],
};

/** Errors: C0406. */
export const openOptions = optionParser<OpenExecutableOptions>("the options of an executable", rules);

/** Errors: C0406. */
export const openSessionOptions = optionParser<OpenSessionOptions>("the options of a session", {
  ...rules,
  seed: ["a whole number", Number.isSafeInteger],
  carrying: ["the function of that name", (value) => typeof value === "function"],
});

/** Throws C0406 unless it is a text or a URL. */
export function checkPlace(source: unknown): asserts source is string | URL {
  if (isPlace(source)) return;
  throw new RuntimeError(
    "C0406",
    `a compiled model is opened by the path or address of its folder, not by ${shown(source)}`,
  );
}

/** Where the files are, and those of a checkpoint elsewhere. */
export interface Places {
  readonly folder: Folder;
  /** The bytes of a checkpoint. Errors: C0401, C0411. */
  readWeights(place: string | URL, most: number): Promise<Uint8Array>;
}

/** Loads a compiled model. Errors: as the functions of `cellc/runtime` that do it say. */
export async function openFrom(
  { folder, readWeights }: Places,
  options: OpenExecutableOptions,
): Promise<OpenedExecutable> {
  const manifest = manifestOf(await readJson(folder, manifestName, mostBytes.manifest), folder.at(manifestName));
  const backend = isBackend(options.backend) ? options.backend : await chooseFor(manifest, folder, options);
  try {
    const files = filesFor(manifest, backend);
    if (typeof files === "string")
      throw new RuntimeError("C0406", `${manifest.name} in ${folder.place} does not run on the backend: ${files}`);
    const [plan, code, weights] = await Promise.all([
      readJson(folder, files.plan, mostBytes.plan),
      readCode(files, folder, backend),
      weightsOf(manifest, { folder, readWeights }, options.weights),
    ]);
    checkPlan(plan as Plan, files.kind);
    checkComplete(plan as Plan, code);
    return { executable: { plan: plan as Plan, code }, backend, weights };
  } catch (error) {
    if (backend !== options.backend) backend.close();
    throw error;
  }
}

/** The session of a compiled model, which closes a backend that it opened. Errors: as `openFrom`; C0406, without weights and seed. */
export async function sessionFrom(
  places: Places,
  { seed, carrying, ...options }: OpenSessionOptions,
): Promise<Session> {
  const { executable, backend, weights } = await openFrom(places, options);
  const isOwn = backend !== options.backend;
  try {
    if (weights === undefined && seed === undefined) {
      const help = "name a checkpoint as `weights`, or, to train it from the start, pass a seed: { seed: 1 }";
      throw new RuntimeError("C0406", `${places.folder.place} has no weights for ${executable.plan.name}`, help);
    }
    return await Session.open(executable, isOwn ? closingItself(backend) : backend, { seed, carrying, state: weights });
  } catch (error) {
    if (isOwn) backend.close();
    throw error;
  }
}

/** The backend, which closes with the last machine on it. */
function closingItself(backend: Backend): Backend {
  const { open } = backend;
  let machines = 0;
  return Object.assign(backend, {
    async open(executable: Executable) {
      const machine = await open(executable);
      machines++;
      let isOpen = true;
      const close = (): void => {
        machine.close();
        if (isOpen) machines--;
        isOpen = false;
        if (machines === 0) backend.close();
      };
      return { ...machine, close };
    },
  });
}

function chooseFor(
  manifest: Manifest,
  { place }: Folder,
  { wasm, backend }: OpenExecutableOptions,
): Promise<ChosenBackend> {
  const name = backend as BackendOptions["backend"];
  const kinds = kindsIn(manifest);
  if (name !== undefined && name !== "auto" && !kinds.has(name)) {
    const there = [...kinds].join(" and ");
    const help = `compile it for both: --target ${[...kinds, name].join(",")}`;
    throw new RuntimeError("C0406", `${manifest.name} in ${place} was compiled for ${there}, not for ${name}`, help);
  }
  return firstBackend({ backend: name, wasm }, (kind, open) => {
    if (!kinds.has(kind)) return "it was not compiled for it";
    const found = open && filesFor(manifest, open);
    return typeof found === "string" ? found : undefined;
  });
}

/** The first target that the backend can run, or why there is none. */
function filesFor({ targets }: Manifest, { name, features = [] }: Backend): TargetFiles | string {
  const own = targets.filter(({ kind }) => kind === name);
  const lacks = (files: TargetFiles) => (files.features ?? []).find((feature) => !features.includes(feature));
  const found = own.find((files) => lacks(files) === undefined);
  if (found !== undefined) return found;
  return own.length === 0 ? `it was not compiled for ${name}` : `the GPU lacks the feature \`${lacks(own[0])}\``;
}

async function weightsOf(
  { weights }: Manifest,
  { folder, readWeights }: Places,
  asked: OpenExecutableOptions["weights"],
): Promise<SessionState | undefined> {
  if (asked === false || (asked === undefined && weights === undefined)) return undefined;
  const bytes =
    asked === undefined
      ? await readFile(folder, weights!, mostBytes.weights)
      : await readWeights(asked, mostBytes.weights);
  try {
    return decodeCheckpoint(bytes);
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    const where = asked === undefined ? folder.at(weights!) : String(asked);
    throw new RuntimeError(error.code, `${where}: ${error.message}`, error.help);
  }
}
