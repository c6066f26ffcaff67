/**
 * Mutated safetensors files: refused and nothing changed by it; or what was read is what the session holds then, bit for bit, and
 * where that is what the sound file holds, training goes on with the same numbers.
 */
import { decodeCheckpoint, encodeCheckpoint } from "../../../runtime/checkpoint.ts";
import { Session } from "../../../runtime/session.ts";
import type { SessionState } from "../../../runtime/state.ts";
import { changeBytes } from "../change-bytes.ts";
import { changeJson, type Json } from "../change-json.ts";
import { accepted, type Case, type Fuzzer, type Verdict, wrong } from "../fuzzer.ts";
import type { Random } from "../random.ts";
import { backend, count, exercise, held, type Subject, sameBytes, subject } from "../subjects.ts";
import { codeOf, verdictOf } from "../verdict.ts";

export const checkpoints: Fuzzer = {
  name: "checkpoints",
  tries: "mutated checkpoints: refused, or restored bit for bit",
  seconds: 60,
  async make(random): Promise<Case> {
    const model = await subject(random.below(count));
    const bytes = random.chance(0.4)
      ? changeBytes(model.checkpoint, random)
      : withOtherHeader(model.checkpoint, random);
    return { files: { "model.safetensors": bytes }, attempt: () => attempt(model, bytes) };
  },
};

/** The file with a change in its header or in the header's metadata, which is JSON within JSON. */
function withOtherHeader(bytes: Uint8Array, random: Random): Uint8Array {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as Record<string, Json>;
  const metadata = header.__metadata__ as Record<string, string>;
  const key = random.pick(["counters", "dims"]);
  const changed = random.chance(0.5)
    ? changeJson(header, random).value
    : {
        ...header,
        __metadata__: {
          ...metadata,
          [key]: JSON.stringify(changeJson(JSON.parse(metadata[key]) as Json, random).value),
        },
      };
  const text = new TextEncoder().encode(JSON.stringify(changed));
  const front = Buffer.alloc(8 + Math.ceil(text.length / 8) * 8, 0x20);
  front.writeBigUInt64LE(BigInt(front.length - 8));
  front.set(text, 8);
  return Buffer.concat([front, bytes.subarray(8 + length)]);
}

const untouched = new Map<Subject, Promise<readonly Uint8Array[]>>();

async function numbersOf(model: Subject): Promise<readonly Uint8Array[]> {
  const session = await Session.open(model.executable, backend, { seed: 7 });
  await session.restore(decodeCheckpoint(model.checkpoint));
  return exercise(session, model.batches).finally(() => session.close());
}

async function attempt(model: Subject, bytes: Uint8Array): Promise<Verdict> {
  const state = decodeCheckpoint(bytes);
  const session = await Session.open(model.executable, backend, { seed: 3 });
  try {
    const before = await stateOf(session);
    try {
      await session.restore(state);
    } catch (thrown) {
      const same = sameBytes([before], [await stateOf(session)]);
      return same ? verdictOf(thrown) : wrong(`a refused checkpoint changed the session: ${String(thrown)}`);
    }
    if (!sameBytes([held(state)], [held(await session.state())]))
      return wrong("what was restored is not what the file holds");
    return await goesOn(model, session, state);
  } finally {
    session.close();
  }
}

const stateOf = async (session: Session): Promise<Uint8Array> => encodeCheckpoint(await session.state());

/** Training from there: as from the sound checkpoint, if that is what the file holds; otherwise it works, or says why not. */
async function goesOn(model: Subject, session: Session, state: SessionState): Promise<Verdict> {
  const isSound = sameBytes([held(state)], [held(decodeCheckpoint(model.checkpoint))]);
  try {
    const made = await exercise(session, model.batches);
    if (!isSound) return accepted;
    const known = untouched.get(model) ?? numbersOf(model);
    untouched.set(model, known);
    return sameBytes(made, await known) ? accepted : wrong("the same state goes on with other numbers");
  } catch (thrown) {
    // Other numbers in it may be such that nothing finite comes of them; the session then says so.
    if (codeOf(thrown) === "C0502" || codeOf(thrown) === "C0501") return isSound ? verdictOf(thrown) : accepted;
    throw thrown;
  }
}
