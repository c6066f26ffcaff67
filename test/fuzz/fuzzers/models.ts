/**
 * Compiled models in folders with a damaged file: refused when they are opened, or every number as before, bit for bit. In what is
 * trained, a flipped bit cannot be seen; it is a number like any other.
 */
import { executableFiles, weightsName } from "../../../cli/executable-files.ts";
import type { Files } from "../../../cli/targets.ts";
import { type Folder, tooLarge, unreadable } from "../../../runtime/folder.ts";
import { manifestName } from "../../../runtime/manifest.ts";
import { sessionFrom } from "../../../runtime/open-folder.ts";
import { changeBytes } from "../change-bytes.ts";
import { changeJson, type Json } from "../change-json.ts";
import { accepted, type Case, type Fuzzer, type Verdict, wrong } from "../fuzzer.ts";
import type { Random } from "../random.ts";
import { backend, count, exercise, type Subject, sameBytes, subject } from "../subjects.ts";

export const models: Fuzzer = {
  name: "models",
  tries: "folders of compiled models with a damaged file: refused, or the same numbers bit for bit",
  seconds: 60,
  async make(random): Promise<Case> {
    const model = await subject(random.below(count));
    const other = await subject(random.below(count));
    const files = filesOf(model);
    const name = random.pick(Object.keys(files));
    const { [name]: _, ...others } = files;
    const damaged = damage(files, name, filesOf(other), random);
    const changed = damaged === undefined ? others : { ...others, [name]: damaged };
    return { files: { ...changed, "changed.txt": name }, attempt: () => attempt(model, changed, name) };
  },
};

const filesOf = ({ executable, checkpoint }: Subject): Files =>
  executableFiles([{ target: "wasm", executable }], checkpoint);

const bytesOf = (content: string | Uint8Array): Uint8Array =>
  typeof content === "string" ? new TextEncoder().encode(content) : content;

/** The file `name` as it has become; undefined where it is gone. */
function damage(files: Files, name: string, others: Files, random: Random): string | Uint8Array | undefined {
  const kinds: readonly (() => string | Uint8Array | undefined)[] = [
    () => changeBytes(bytesOf(files[name]), random),
    () => files[random.pick(Object.keys(files))],
    () => others[name],
    () => undefined,
    () => "<!doctype html><title>Start</title>",
  ];
  if (name !== manifestName || random.chance(0.3)) return random.pick(kinds)();
  return JSON.stringify(changeJson(JSON.parse(String(files[name])) as Json, random).value);
}

/** A folder in memory. */
const folderOf = (files: Files): Folder => ({
  place: "the folder",
  at: (path) => path,
  async read(path, most) {
    if (!Object.hasOwn(files, path)) throw unreadable(path, "there is no such file");
    const bytes = bytesOf(files[path]);
    if (bytes.length > most) throw tooLarge(path, most);
    return bytes;
  },
});

async function numbersOf({ batches }: Subject, files: Files): Promise<readonly Uint8Array[]> {
  const folder = folderOf(files);
  const session = await sessionFrom({ folder, readWeights: async () => new Uint8Array() }, { backend });
  return exercise(session, batches).finally(() => session.close());
}

const untouched = new Map<Subject, Promise<readonly Uint8Array[]>>();

async function attempt(model: Subject, files: Files, name: string): Promise<Verdict> {
  const known = untouched.get(model) ?? numbersOf(model, filesOf(model));
  untouched.set(model, known);
  const before = await known;
  const after = await numbersOf(model, files);
  if (sameBytes(before, after) || name === weightsName) return accepted;
  // The relaxed module rounds in its own way, and is the model's, too.
  const relaxed = name === manifestName && /"binary":"kernels\.relaxed\.wasm"/.test(String(files[name]));
  const module = name === "kernels.wasm" && files[name] === files["kernels.relaxed.wasm"];
  return relaxed || module ? accepted : wrong(`other numbers, where ${name} differs`);
}
