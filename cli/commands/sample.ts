/** `cellc sample`: goes on with a text, symbol by symbol, as a trained language model says. */
import type { Session } from "../../runtime/session.ts";
import type { Context } from "../context.ts";
import { BadSymbol, cutText, type SymbolUnit, symbolUnits } from "../data/formats/symbols.ts";
import { type Preparation, type PreparedSymbols, preparationIn } from "../data/preparation.ts";
import { formOf } from "../data/settings.ts";
import { seededStreams } from "../data/streams.ts";
import { encoderOf, UnknownSymbol } from "../data/vocabulary.ts";
import { type ExitCode, exit, Failure } from "../failure.ts";
import { type DrawOptions, draw } from "../inference/draw.ts";
import { type ChosenOutput, chosenOutputs } from "../inference/outputs.ts";
import { areProbabilities } from "../inference/probabilities.ts";
import { openTrained, requireCountedOn } from "../inference/trained-session.ts";
import { type ModelSettings, trainedModel } from "../statistics/trained-model.ts";
import type { TargetName } from "../targets.ts";
import { openBackend } from "../toolchain.ts";
import { type CheckpointOptions, loadCheckpoint } from "../training/checkpoint.ts";
import { elaborateModel } from "../training/task-model.ts";

export interface SampleOptions extends ModelSettings, CheckpointOptions, DrawOptions {
  readonly target: TargetName;
  readonly threads?: number;
  /** Default: the end of a line, or else the most frequent symbol. */
  readonly prompt?: string;
  /** Symbols to draw. */
  readonly length: number;
  /** The output to draw from. */
  readonly output?: string;
}

/** What a run records that only matters to its training. */
const OF_TRAINING = ["batch", "storage", "memory", "parts"] as const;

/** `given` names the options on the command line. */
export async function sample(
  context: Context,
  path: string,
  file: string | undefined,
  options: SampleOptions,
  given: ReadonlySet<string>,
): Promise<ExitCode> {
  const { output, seed } = context;
  const model = await trainedModel(output, path, file, { ...options, batch: 1 }, new Set([...given, ...OF_TRAINING]));
  const { checkpoint } = model;
  const state = await loadCheckpoint(checkpoint);
  const language = languageOf(preparationIn(state, checkpoint), checkpoint);
  const prompt = options.prompt === undefined ? [firstSymbol(language)] : cutPrompt(options.prompt, language);
  const form = model.form ?? (await formOf(context, model.settings, checkpoint, state));
  const backend = await openBackend(options.target, options.threads);
  try {
    const settings = { ...model.settings, file: model.file, batch: 1 };
    const request = { ...settings, entries: ["infer", "step"] as const };
    const session = await openTrained(request, form, { path: checkpoint, state }, backend, context);
    requireCountedOn(session.plan, settings.own);
    const { graph } = elaborateModel(settings, form).elaborated;
    const [chosen] = chosenOutputs({ plan: session.plan, graph, task: form, output: options.output });
    if (chosen.target !== language.target)
      throw new Failure(
        "C0406",
        exit.input,
        `output ${chosen.name} of ${session.plan.name} has not a number for each of the ${language.symbols.names.length} symbols at each step`,
      );
    const uniform = seededStreams(seed)("sample");
    const drawn = await drawText(session, chosen, { ...options, language, prompt, uniform });
    const { names } = language.symbols;
    const symbols = [...prompt, ...drawn].map((place) => names[place]);
    const text = joinSymbols(symbols, language);
    output.print(text);
    output.result({
      ok: true,
      model: session.plan.name,
      step: session.step,
      seed,
      temperature: options.temperature,
      ...(options.topK !== undefined && { topK: options.topK }),
      prompt: options.prompt,
      text,
      symbols: drawn.map((place) => names[place]),
    });
    return exit.ok;
  } finally {
    backend.close();
  }
}

/** What a language model reads and predicts. */
interface Language {
  readonly input: string;
  readonly target: string;
  readonly symbols: PreparedSymbols;
  readonly unit: SymbolUnit;
  readonly lineEnd: string | undefined;
}

/** Throws C0406 for a model that does not predict the next symbol. */
function languageOf(preparation: Preparation | undefined, checkpoint: string): Language {
  const [input] = Object.entries(preparation?.inputs ?? {});
  const target = Object.entries(preparation?.places ?? {}).find(([, place]) => place === "next")?.[0];
  if (preparation === undefined || target === undefined || input?.[1].kind !== "symbols")
    throw new Failure(
      "C0406",
      exit.input,
      `${checkpoint} is of no language model: it was not trained to predict the next symbol`,
      "what it predicts of data: cellc predict",
    );
  const [name, symbols] = input;
  const { unit = unitOf(symbols), lineEnd } = preparation;
  return { input: name, target, symbols, unit, lineEnd };
}

/** Of data that is no text and says no unit: symbols of a character each stand side by side, and others with blanks between. */
const unitOf = ({ names, unknown }: PreparedSymbols): SymbolUnit =>
  (unknown ? names.slice(0, -1) : names).every((name) => Array.from(name).length === 1) ? "characters" : "words";

/** The place of what a text begins after: the end of a line, or else the most frequent symbol. */
function firstSymbol({ symbols: { names, counts }, lineEnd = "\n" }: Language): number {
  const end = names.indexOf(lineEnd);
  return end >= 0 ? end : counts.indexOf(counts.reduce((a, b) => Math.max(a, b), 0));
}

/** The places of a prompt's symbols. Throws C0301 for an empty one, and C0406 for a symbol that training did not have. */
function cutPrompt(prompt: string, language: Language): readonly number[] {
  const { symbols } = language;
  const encode = encoderOf(symbols);
  const places = symbolsOf(prompt, language).map((symbol, at) => {
    try {
      return encode(symbol);
    } catch (error) {
      if (!(error instanceof UnknownSymbol)) throw error;
      throw new Failure(
        "C0406",
        exit.input,
        `symbol ${at + 1} of the prompt, ${JSON.stringify(symbol)}, is none that the training part has`,
        "--unknown, in training, gives all such symbols one place",
      );
    }
  });
  if (places.length > 0) return places;
  throw new Failure(
    "C0301",
    exit.usage,
    "the prompt has no symbol, and the model says what comes after one",
    `begin the text: --prompt ${JSON.stringify(symbols.names[0])}`,
  );
}

function symbolsOf(prompt: string, { unit, lineEnd }: Language): readonly string[] {
  // The spaces of the files are not the text's.
  if (unit === "spaced-characters") return Array.from(prompt);
  if (unit === "words" && lineEnd !== undefined)
    return prompt
      .split("\n")
      .flatMap((line, at, lines) => [...cutText(line, unit), ...(at < lines.length - 1 ? [lineEnd] : [])]);
  try {
    return cutText(prompt, unit);
  } catch (error) {
    if (error instanceof BadSymbol) throw new Failure("C0301", exit.usage, `the prompt: ${error.message}`);
    throw error;
  }
}

function joinSymbols(symbols: readonly string[], { unit, lineEnd }: Language): string {
  return symbolUnits[unit].join(symbols, lineEnd);
}

interface Drawing extends DrawOptions {
  readonly language: Language;
  readonly prompt: readonly number[];
  readonly length: number;
  readonly uniform: (index: number) => number;
}

/** Reads the prompt, and then what it draws itself. */
async function drawText(
  session: Session,
  { name }: ChosenOutput,
  { language: { input }, prompt, length, uniform, ...how }: Drawing,
): Promise<readonly number[]> {
  const others = (session.plan.entries.step?.tensors ?? []).flatMap(({ name, role }) =>
    (role.kind === "input" || role.kind === "index") && name !== input ? [[name, null] as const] : [],
  );
  const stream = await session.stream();
  const next = async (place: number): Promise<Float32Array> =>
    (await stream.next({ ...Object.fromEntries(others), [input]: Float32Array.of(place) }))[name];
  let scores: Float32Array = new Float32Array();
  /** Whether the model's numbers are probabilities: seen of all that the prompt gave. */
  let areShares = true;
  for (const place of prompt) {
    scores = await next(place);
    areShares &&= areProbabilities(scores, scores.length);
  }
  const drawn: number[] = [];
  for (let at = 0; at < length; at++) {
    drawn.push(draw(areShares ? scores.map(Math.log) : scores, how, uniform(at)));
    if (at < length - 1) scores = await next(drawn[at]);
  }
  return drawn;
}
