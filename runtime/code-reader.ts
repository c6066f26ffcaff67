/** Reads the code of a compiled model, a row for each kind of code. */
import type { Backend } from "./backend.ts";
import { RuntimeError } from "./error.ts";
import { type Folder, mostBytes, readFile, readJson } from "./folder.ts";
import type { CodeFiles } from "./manifest.ts";
import type { Code, Plan } from "./plan.ts";
import { isRecord } from "./shown.ts";

type FilesOf<K extends Code["kind"]> = Extract<CodeFiles, { readonly kind: K }>;
type CodeOf<K extends Code["kind"]> = Extract<Code, { readonly kind: K }>;
type Reader<K extends Code["kind"]> = (files: FilesOf<K>, folder: Folder, backend: Backend) => Promise<CodeOf<K>>;

const readers: { readonly [K in Code["kind"]]: Reader<K> } = {
  /** Only the module that the backend runs. Where that is the relaxed one, the other stays empty, and no seal fits it. */
  async wasm({ binary, relaxed }, folder, { simd = "plain" }) {
    const isRelaxed = simd === "relaxed" && relaxed !== undefined;
    const bytes = await readFile(folder, isRelaxed ? relaxed : binary, mostBytes.code);
    return {
      kind: "wasm",
      text: "",
      ...(isRelaxed ? { binary: new Uint8Array(), relaxed: bytes } : { binary: bytes }),
    };
  },
  wgsl: async ({ kernels }, folder) => ({ kind: "wgsl", modules: await readModules(kernels, folder) }),
  glsl: async ({ kernels }, folder) => ({ kind: "glsl", modules: await readModules(kernels, folder) }),
};

/** The text of each kernel. */
async function readModules(kernels: string, folder: Folder): Promise<Readonly<Record<string, string>>> {
  const modules = await readJson(folder, kernels, mostBytes.code);
  if (isRecord(modules)) return modules as Readonly<Record<string, string>>;
  throw new RuntimeError("C0411", `${folder.at(kernels)} is no table of kernels`, "compile it anew");
}

/** The code in `files`, as far as `backend` runs it. Errors: C0401, C0411. */
export const readCode = <K extends Code["kind"]>(
  files: FilesOf<K>,
  folder: Folder,
  backend: Backend,
): Promise<CodeOf<K>> => (readers[files.kind as K] as Reader<K>)(files, folder, backend);

/** Throws C0411 for a kernel of the plan that the code lacks. */
export function checkComplete({ name, kernels }: Plan, code: Code): void {
  // A module is sealed as a whole.
  if (code.kind === "wasm") return;
  const missing = kernels.find((kernel) => !Object.hasOwn(code.modules, kernel.name));
  if (missing !== undefined)
    throw new RuntimeError("C0411", `the code of ${name} lacks the kernel \`${missing.name}\``, "compile it anew");
}
