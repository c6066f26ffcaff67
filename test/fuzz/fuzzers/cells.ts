/**
 * Mutated and hostile `.cell` texts: reading, formatting, checking, compiling for both targets; and where it compiles and is small,
 * training a step on WebAssembly and comparing every result with the f64 reference.
 */

import { readdirSync, readFileSync } from "node:fs";
import { fileHost } from "../../../cli/api/file-host.ts";
import { check } from "../../../compiler/check.ts";
import { type Compilation, compile } from "../../../compiler/compile.ts";
import { catalogue } from "../../../compiler/diagnostics/catalogue.ts";
import { CompileError, type Diagnostic } from "../../../compiler/diagnostics/diagnostic.ts";
import { renderAll } from "../../../compiler/diagnostics/render.ts";
import { declarations, elaborate } from "../../../compiler/semantics/elaborate.ts";
import type { SourceHost } from "../../../compiler/source-host.ts";
import { format } from "../../../compiler/syntax/format.ts";
import { parse } from "../../../compiler/syntax/parse.ts";
import type { Target } from "../../../compiler/target.ts";
import { regionSizes } from "../../../runtime/layout.ts";
import { Session } from "../../../runtime/session.ts";
import { wasmBackend } from "../../../runtime/wasm/wasm.ts";
import { wasm } from "../../../targets/wasm/target.ts";
import { wgsl } from "../../../targets/wgsl/target.ts";
import { compareWithReference } from "../../compile/disagreement.ts";
import { exampleFolders } from "../../compile/examples.ts";
import { Study } from "../../compile/study.ts";
import { programsOf } from "../../semantics/snippets.ts";
import { withoutSpans } from "../../syntax/programs.ts";
import { batchFor } from "../batch-for.ts";
import { changeText } from "../change-text.ts";
import { accepted, type Case, type Fuzzer, type Verdict, wrong } from "../fuzzer.ts";
import { hostileShapes } from "../hostile-shapes.ts";
import { hostileTexts } from "../hostile-texts.ts";
import { mutateCell } from "../mutate-cell.ts";
import type { Random } from "../random.ts";
import { codeOf } from "../verdict.ts";

const FOLDERS = [...exampleFolders, "compiler/semantics/prelude"];
const DOCUMENTS = ["docs/language.md", "README.md"];

interface Source {
  /** Its path, so that its imports are found. */
  readonly path: string;
  readonly text: string;
}

const shipped: readonly Source[] = FOLDERS.flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".cell"))
    .map((name) => ({ path: `${folder}/${name}`, text: readFileSync(`${folder}/${name}`, "utf8") })),
);

/** Programs of the snippets that documents show; some are of no use by themselves, as mutated ones are. */
const shown: readonly Source[] = DOCUMENTS.flatMap((document) =>
  [...readFileSync(document, "utf8").matchAll(/(?:^ {4}.*\n|^\n(?= {4}))+|(?<=```text\n)[^`]*(?=```)/gm)]
    .map((match) => match[0].replace(/^ {4}/gm, "").trim())
    .filter((block) => /^(\/\/|import|cell|norm|fn|model|param|state|site|place|output|loss)\b/m.test(block))
    .flatMap(programsOf)
    .map((text) => ({ path: "examples/cells/snippet.cell", text })),
);

/** Those that are one file. */
const hostile: readonly string[] = hostileTexts().flatMap(({ files }) =>
  Object.keys(files).length === 1 ? Object.values(files) : [],
);

const sources = [...shipped, ...shown];
const texts = sources.map(({ text }) => text);

/** How often a text is a hostile shape instead of a mutation, and its size. */
const HOSTILE = 0.08;
const SIZES = [1, 2, 3, 10, 30, 100, 200, 500, 1000, 3000];

/** Of a model that is run: floats of all its memory, and ops of its graph. */
const MOST_FLOATS = 1 << 22;
const MOST_OPS = 400;
const STEPS = 3;

interface Attempt extends Source {
  readonly dims: number;
  readonly batch: number;
  readonly seed: number;
}

export const cells: Fuzzer = {
  name: "cells",
  tries: "mutated and hostile texts: read, format, check, compile, train, compare with the reference",
  // A text is compiled twice.
  seconds: 60,
  make(random) {
    return caseOf({
      ...drawn(random),
      dims: random.pick([1, 2, 3, 4, 4, 4, 8, 8, 8]),
      batch: random.pick([1, 2, 3, 4, 5]),
      seed: random.below(1e6),
    });
  },
};

function drawn(random: Random): Source {
  if (random.chance(HOSTILE)) {
    const shape = random.pick(Object.values(hostileShapes));
    const text = random.chance(0.7) ? shape(random.pick(SIZES)) : random.pick(hostile);
    return { path: "examples/cells/hostile.cell", text };
  }
  const { path, text } = random.pick(random.chance(0.7) ? shipped : sources);
  const changed = random.chance(0.7) ? changeText(text, texts, random) : mutateCell(text, () => random.fraction());
  return { path, text: changed };
}

function caseOf(given: Attempt): Case {
  return {
    files: { "a.cell": given.text, "options.json": JSON.stringify({ ...given, text: undefined }) },
    attempt: () => attempt(given),
    *smaller() {
      for (const text of withLess(given.text)) yield caseOf({ ...given, text });
    },
  };
}

/** The text without some of its lines: halves first, single lines last. */
function* withLess(text: string): Iterable<string> {
  const lines = text.split("\n");
  for (
    let part = Math.ceil(lines.length / 2);
    part >= 1 && lines.length > 1;
    part = part === 1 ? 0 : Math.ceil(part / 2)
  ) {
    for (let from = 0; from < lines.length; from += part) yield lines.toSpliced(from, part).join("\n");
  }
}

async function attempt({ path, text, dims, batch, seed }: Attempt): Promise<Verdict> {
  const host: SourceHost = { ...fileHost, read: (wanted) => (wanted === path ? text : fileHost.read(wanted)) };
  const complaint = formatting(text) ?? sayings(path, text, check(path, host));
  if (complaint !== undefined) return wrong(complaint);
  const entries = declarations(path, host).filter(({ kind }) => kind === "model" || kind === "cell");
  const entry = entries[seed % entries.length];
  const sizes = Object.fromEntries((entry?.params ?? []).map((name) => [name, dims]));
  const options = { entry: entry?.name, dims: sizes, batch, time: STEPS };
  const compiled = (target: Target): Compilation => compile(path, options, target, host);
  try {
    compiled(wgsl);
    return await run(compiled(wasm), () => elaborate(path, host, options), { batch, seed });
  } catch (thrown) {
    if (!(thrown instanceof CompileError)) throw thrown;
    const about = sayings(path, text, thrown.diagnostics);
    return about === undefined ? { outcome: "refused", by: codeOf(thrown) ?? "no error" } : wrong(about);
  }
}

/** What is wrong with how a text that can be read is formatted. */
function formatting(text: string): string | undefined {
  const { file, diagnostics } = parse(text, "a.cell");
  if (diagnostics.length > 0) return undefined;
  const once = format(text, "a.cell");
  if (once.diagnostics.length > 0) return `the formatter refuses what the parser reads: ${once.diagnostics[0].message}`;
  if (format(once.text, "a.cell").text !== once.text) return "formatting twice is not formatting once";
  const again = parse(once.text, "a.cell");
  const same = JSON.stringify(withoutSpans(again.file)) === JSON.stringify(withoutSpans(file));
  return same ? undefined : "the formatted text is another program";
}

/** What is wrong with diagnostics: codes that are none, places outside of the text, words that a terminal would act on. */
function sayings(path: string, text: string, diagnostics: readonly Diagnostic[]): string | undefined {
  for (const { code, span, message } of diagnostics) {
    if (!Object.hasOwn(catalogue, code)) return `there is no code ${code}`;
    if (span.file === path && !(span.start >= 0 && span.start <= span.end && span.end <= text.length)) {
      return `${code} stands at ${span.start} to ${span.end} of a text of ${text.length}: ${message}`;
    }
  }
  const said = renderAll(diagnostics, new Map([[path, text]]), { color: false });
  const control = [...said].find(
    (character) => /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u.test(character) && character !== "\n",
  );
  if (control === undefined) return undefined;
  return `a message has the control character U+${control.codePointAt(0)!.toString(16)}`;
}

const backend = wasmBackend({ simd: "plain", threads: 1 });

async function run(
  { executable }: Compilation,
  elaborated: () => ReturnType<typeof elaborate>,
  { batch, seed }: { readonly batch: number; readonly seed: number },
): Promise<Verdict> {
  const { plan } = executable;
  const floats = Object.values(regionSizes(plan, STEPS)).reduce((sum, size) => sum + size, 0);
  if (floats > MOST_FLOATS) return accepted;
  let session: Session;
  try {
    session = await Session.open(executable, backend, { seed });
  } catch (thrown) {
    // What the compiler has just made is to be opened, whatever the text was.
    if (codeOf(thrown) === undefined) throw thrown;
    return wrong(`what was compiled is refused: ${String(thrown)}`);
  }
  try {
    const examples = batchFor(plan, STEPS, seed);
    const reported = plan.entries.update && (await session.train(examples, { lr: 1e-3, clip: 1 }));
    if (reported !== undefined) {
      const { tensors } = await session.state();
      const spoilt = [...tensors].find(([, { data }]) => !data.every(Number.isFinite));
      if (spoilt !== undefined)
        return wrong(`\`${spoilt[0]}\` is not finite behind a step whose loss was ${reported.loss}`);
    }
    await session.infer(examples);
  } catch (thrown) {
    const code = codeOf(thrown);
    // Statistics that a model without a loss never collected, and losses that are no numbers.
    if (code !== "C0501" && code !== "C0502") throw thrown;
  } finally {
    session.close();
  }
  const { graph, dims } = elaborated();
  if (graph.ops.length > MOST_OPS) return accepted;
  const entries = (["train", "estimate", "infer"] as const).filter((name) => plan.entries[name]);
  const study = new Study(graph, { dims, batch, time: STEPS, seed, entries });
  const found = await study.run(wasm, backend, entries);
  for (const name of entries) {
    if (!comparable(study, name)) continue;
    const { disagreement } = compareWithReference(study, name, found.get(name)!);
    if (disagreement !== undefined) return wrong(disagreement);
  }
  return accepted;
}

/** Whether f32 can hold what the reference computes, step by step. */
function comparable(study: Study, entry: "train" | "estimate" | "infer"): boolean {
  const finite = (data: ArrayLike<number>): boolean => Array.from(data).every((x) => Math.abs(x) < 1e30);
  if (![...study.reference(entry).values()].every(finite)) return false;
  try {
    study.roundingErrors(entry);
    return true;
  } catch {
    // What is no number when each op rounds to f32.
    return false;
  }
}
