/**
 * Arguments of every wrong kind for each function of the runtime: refused, and the session is as it was before; or taken for what it
 * ought to be, and nothing that is no number comes of it. Whatever it was, the session computes the right numbers afterwards.
 */
import {
  decodeCheckpoint,
  decodeSafetensors,
  encodeCheckpoint,
  encodeSafetensors,
  Session,
  wasmBackend,
} from "../../../runtime/index.ts";
import { accepted, type Case, type Fuzzer, type Verdict, wrong } from "../fuzzer.ts";
import type { Random } from "../random.ts";
import { inWords, OwnError, strangeFor } from "../strange-values.ts";
import { backend, exercise, firstStep, repeatable, type Subject, sameBytes, subject } from "../subjects.ts";
import { verdictOf } from "../verdict.ts";

/** A function of the runtime: sound arguments, and how it is called with any. */
interface Call {
  readonly sound: (subject: Subject, session: Session) => unknown | Promise<unknown>;
  readonly of: (session: Session, args: readonly never[], subject: Subject) => unknown;
}

const aStream = (session: Session) => session.stream({ warn: () => {} });
const lastBatch = (batches: Subject["batches"]) => batches[batches.length - 1];

/** By name. Options that may be left out are given as what they are then, so that leaving them out changes nothing. */
const calls: Readonly<Record<string, Call>> = {
  open: {
    sound: ({ executable }) => [executable, backend, { seed: 7 }],
    of: async (_, args) => (await Session.open(...(args as unknown as Parameters<typeof Session.open>))).close(),
  },
  attach: {
    sound: ({ executable }) => [executable],
    of: (session, args) => session.attach(...(args as readonly [never])),
  },
  train: {
    sound: ({ batches }) => [lastBatch(batches), { lr: 0.01, clip: 1e9, momentum: 0.1, hyper: {}, report: true }],
    of: (session, args) => session.train(...(args as readonly [never, never])),
  },
  estimate: {
    sound: ({ batches }) => [batches, { variance: "within" }],
    of: (session, args) => session.estimate(...(args as readonly [never, never])),
  },
  infer: { sound: ({ batches }) => [batches[0]], of: (session, args) => session.infer(...(args as readonly [never])) },
  evaluate: {
    sound: ({ batches }) => [batches],
    of: (session, args) => session.evaluate(...(args as readonly [never])),
  },
  run: {
    sound: ({ batches }) => ["infer", batches[0], {}],
    of: (session, args) => session.run(...(args as unknown as readonly ["infer", never, never])),
  },
  read: {
    sound: (_, session) => [nameOfParameter(session)],
    of: (session, args) => session.read(...(args as readonly [never])),
  },
  write: {
    sound: async (_, session) => [nameOfParameter(session), await session.read(nameOfParameter(session))],
    of: (session, args) => session.write(...(args as readonly [never, never])),
  },
  restore: {
    sound: ({ checkpoint }) => [decodeCheckpoint(checkpoint)],
    of: (session, args) => session.restore(...(args as readonly [never])),
  },
  stream: {
    sound: ({ batches }) => [{ examples: batches[0].examples, warn: () => {} }],
    of: async (session, args) => {
      const stream = await session.stream(...(args as readonly [never]));
      return stream.state();
    },
  },
  next: {
    sound: ({ batches }, session) => [firstStep(session, batches[0])],
    of: async (session, args) => (await aStream(session)).next(...(args as readonly [never])),
  },
  "restore of a stream": {
    sound: async (_, session) => [await (await aStream(session)).state(), { at: 0 }],
    of: async (session, args) => {
      const stream = await aStream(session);
      await stream.restore(...(args as readonly [never, never]));
      return stream.state();
    },
  },
  "reset of a stream": {
    sound: () => [{}, { examples: [0] }],
    of: async (session, args) => {
      const stream = await aStream(session);
      await stream.reset(...(args as readonly [never, never]));
      return stream.state();
    },
  },
  decodeCheckpoint: {
    sound: ({ checkpoint }) => [checkpoint],
    of: (_, args) => encodeCheckpoint(decodeCheckpoint(...(args as readonly [never]))),
  },
  decodeSafetensors: {
    sound: ({ checkpoint }) => [checkpoint],
    of: (_, args) => encodeSafetensors(decodeSafetensors(...(args as readonly [never]))),
  },
  wasmBackend: {
    sound: () => [{ threads: 1, simd: "plain" }],
    of: (_, args) => wasmBackend(...(args as readonly [never])).close(),
  },
};

/** Functions of sessions, which are refused when it is closed. */
const ofSession = [
  "attach",
  "train",
  "estimate",
  "infer",
  "evaluate",
  "run",
  "read",
  "write",
  "restore",
  "stream",
] as const;

const nameOfParameter = ({ plan }: Session): string =>
  plan.entries.update!.tensors.find(({ role }) => role.kind === "param")!.name;

type Path = readonly PropertyKey[];

interface Attempt {
  readonly model: Subject;
  readonly name: string;
  /** Draws what is strange about it: arguments are made again for each call, because some can be used only once. */
  readonly draw: () => Random;
  readonly closed: boolean;
}

export const api: Fuzzer = {
  name: "api",
  tries: "arguments of every wrong kind: refused without a change, or taken for what they ought to be",
  seconds: 60,
  async make(random): Promise<Case> {
    const model = await subject(random.below(repeatable));
    const closed = random.chance(0.05);
    const name = random.pick(closed ? ofSession : Object.keys(calls));
    const draw = random.again();
    const attempted = { model, name, draw, closed };
    return { files: { "call.txt": await inText(attempted) }, attempt: () => attempt(attempted) };
  },
};

async function inText({ model, name, draw, closed }: Attempt): Promise<string> {
  const session = await open(model);
  const { words } = await strangeArguments(calls[name], model, session, draw());
  session.close();
  return `${name}${closed ? " of a closed session" : ""}: ${words}\n`;
}

async function open(model: Subject): Promise<Session> {
  const session = await Session.open(model.executable, backend, { seed: 3 });
  await session.restore(decodeCheckpoint(model.checkpoint));
  return session;
}

interface Strange {
  readonly args: readonly unknown[];
  /** Where it is strange, and how. */
  readonly words: string;
  readonly old: unknown;
  readonly value: unknown;
  readonly path: Path;
}

async function strangeArguments(call: Call, model: Subject, session: Session, random: Random): Promise<Strange> {
  const sound = (await call.sound(model, session)) as readonly unknown[];
  const path = random.pick(placesIn(sound, []).slice(1));
  const old = path.reduce((inner, key) => get(inner, key), sound as unknown);
  const value = strangeFor(old, random);
  return {
    args: set(sound, path, value) as readonly unknown[],
    words: `${path.map(String).join(".")} is ${inWords(value)}`,
    old,
    value,
    path,
  };
}

/** Deep enough for a batch's inputs and a state's tensors, and not for each number of a plan, which is another fuzzer's work. */
const DEPTH = 4;

function placesIn(value: unknown, path: Path): readonly Path[] {
  if (path.length >= DEPTH || path.includes("plan") || path.includes("code")) return [path];
  const keys: readonly PropertyKey[] =
    value instanceof Map
      ? [...value.keys()]
      : Array.isArray(value) || isPlain(value)
        ? Object.keys(value as object)
        : [];
  return [path, ...keys.flatMap((key) => placesIn(get(value, key), [...path, key]))];
}

const isPlain = (value: unknown): value is Readonly<Record<PropertyKey, unknown>> =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;

const get = (value: unknown, key: PropertyKey): unknown =>
  value instanceof Map ? value.get(key) : (value as Readonly<Record<PropertyKey, unknown>>)[key];

function set(value: unknown, [key, ...rest]: Path, made: unknown): unknown {
  if (key === undefined) return made;
  const inner = set(get(value, key), rest, made);
  if (value instanceof Map) return new Map(value).set(key, inner);
  if (Array.isArray(value)) return value.with(Number(key), inner);
  return { ...(value as object), [key]: inner };
}

async function attempt({ model, name, draw, closed }: Attempt): Promise<Verdict> {
  const call = calls[name];
  const session = await open(model);
  const strange = await strangeArguments(call, model, session, draw());
  const about = `${name} where ${strange.words}`;
  const before = await stateOf(session);
  if (closed) {
    session.close();
    return judge(await outcomeOf(() => call.of(session, strange.args as readonly never[], model)), about);
  }
  try {
    const outcome = await outcomeOf(() => call.of(session, strange.args as readonly never[], model));
    const after = await stateOf(session);
    if ("thrown" in outcome) {
      const changed = !sameBytes([before], [after]);
      const judged = judge(outcome, about);
      if (judged.outcome !== "refused") return judged;
      if (changed) return wrong(`a refused call of ${name} changed the session\n${about}`);
      return (await works(model, session)) ?? judged;
    }
    const spoilt = notFinite(outcome.result) ?? notFinite(Object.fromEntries((await session.state()).tensors));
    if (spoilt !== undefined)
      return wrong(`${name} accepted ${placeOf(strange.path)}, and ${spoilt} came of it\n${about}`);
    if (isAnotherKind(strange) && !(await sameAsSound(model, call, outcome.result, after))) {
      return wrong(`${name} accepted ${placeOf(strange.path)} of another kind, and gave other numbers\n${about}`);
    }
    return (await works(model, session)) ?? accepted;
  } finally {
    session.close();
  }
}

const stateOf = async (session: Session): Promise<Uint8Array> => encodeCheckpoint(await session.state());

type Ending = { readonly thrown: unknown } | { readonly result: unknown };

async function outcomeOf(act: () => unknown): Promise<Ending> {
  try {
    return { result: await act() };
  } catch (thrown) {
    return { thrown };
  }
}

/** What a call came to: an argument's own error is passed on. */
function judge(ending: Ending, about: string): Verdict {
  if (!("thrown" in ending)) return accepted;
  if (ending.thrown instanceof OwnError) return { outcome: "refused", by: "the argument's own error" };
  const judged = verdictOf(ending.thrown);
  return judged.outcome === "crashed" ? { ...judged, why: `${judged.why}\n${about}` } : judged;
}

/** What is wrong with a session that is put back to its checkpoint. */
async function works(model: Subject, session: Session): Promise<Verdict | undefined> {
  await session.restore(decodeCheckpoint(model.checkpoint));
  const found = await exercise(session, model.batches);
  return sameBytes(found, await untouched(model)) ? undefined : wrong("the session computes other numbers afterwards");
}

const known = new Map<Subject, Promise<readonly Uint8Array[]>>();

function untouched(model: Subject): Promise<readonly Uint8Array[]> {
  const numbers = known.get(model) ?? open(model).then((session) => exercise(session, model.batches));
  known.set(model, numbers);
  return numbers;
}

const placeOf = (path: Path): string => path.map((key) => (/^\d+$/.test(String(key)) ? "*" : String(key))).join(".");

/** The first number in a result that is none; in words. */
function notFinite(result: unknown): string | undefined {
  if (typeof result === "number") return Number.isFinite(result) ? undefined : String(result);
  if (result instanceof Float32Array) return result.every(Number.isFinite) ? undefined : "an array that is not finite";
  if (Array.isArray(result)) return result.map(notFinite).find((found) => found !== undefined);
  return isPlain(result) ? notFinite(Object.values(result)) : undefined;
}

/** What may be left out, or be `null`, as the documents say. */
const MAY_BE_LEFT_OUT = /(^|\.)(lengths|hyper|inputs\.\w+|\*\.\w+|warn|estimated|help)$/;

/** Whether a value is of another type than what stood there, so that nothing but the same numbers may come of it. */
function isAnotherKind({ old, value, path }: Strange): boolean {
  if ((value === undefined || value === null) && MAY_BE_LEFT_OUT.test(placeOf(path))) return false;
  if (ArrayBuffer.isView(old) && ArrayBuffer.isView(value)) return false;
  return typeof value !== typeof old || Array.isArray(value) !== Array.isArray(old) || value === null;
}

async function sameAsSound(model: Subject, call: Call, result: unknown, after: Uint8Array): Promise<boolean> {
  const session = await open(model);
  try {
    const sound = (await call.sound(model, session)) as readonly never[];
    const expected = await call.of(session, sound, model);
    return sameBytes([await stateOf(session)], [after]) && bytesOf(expected).equals(bytesOf(result));
  } finally {
    session.close();
  }
}

/** The numbers in a result, in order. */
function bytesOf(result: unknown): Buffer {
  if (typeof result === "number") return Buffer.from(Float64Array.of(result).buffer);
  if (ArrayBuffer.isView(result)) return Buffer.from(result.buffer, result.byteOffset, result.byteLength);
  if (result instanceof Map) return bytesOf([...result.values()]);
  if (Array.isArray(result)) return Buffer.concat(result.map(bytesOf));
  return isPlain(result) ? bytesOf(Object.values(result)) : Buffer.alloc(0);
}
