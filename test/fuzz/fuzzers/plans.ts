/** Mutated plans, beside the code they were made with: refused when they are opened or run, or every number as before, bit for bit. */
import { decodeCheckpoint } from "../../../runtime/checkpoint.ts";
import type { Plan } from "../../../runtime/plan.ts";
import { Session } from "../../../runtime/session.ts";
import { type Changed, changeJson, type Json } from "../change-json.ts";
import { accepted, type Case, type Fuzzer, type Verdict, wrong } from "../fuzzer.ts";
import { mutatePlan } from "../mutate-plan.ts";
import { backend, count, exercise, type Subject, sameBytes, subject } from "../subjects.ts";

/**
 * What a plan may say otherwise, by the last keys of its path, and be another plan of the same model: how much is drawn of what
 * noise. How parameters start does not show here, because a checkpoint follows.
 */
const MAY_DIFFER: readonly RegExp[] = [/\.role\.scale$/, /\.role\.keep$/, /\.role\.distribution$/];

const untouched = new Map<Subject, Promise<readonly Uint8Array[]>>();

export const plans: Fuzzer = {
  name: "plans",
  tries: "mutated plans: refused, or the same numbers bit for bit",
  seconds: 60,
  async make(random): Promise<Case> {
    const model = await subject(random.below(count));
    if (random.chance(0.4)) {
      const { what, plan } = mutatePlan(model.executable.plan, () => random.fraction());
      return caseOf(model, plan as Plan, [what]);
    }
    let changed: Changed = changeJson(JSON.parse(JSON.stringify(model.executable.plan)) as Json, random);
    const done = [words(changed)];
    // A second change now and then: what one check sees, another must not hide.
    if (random.chance(0.15)) {
      changed = changeJson(changed.value, random);
      done.push(words(changed));
    }
    return caseOf(model, changed.value as unknown as Plan, done);
  },
};

const caseOf = (model: Subject, plan: Plan, done: readonly string[]): Case => ({
  files: { "plan.json": JSON.stringify(plan, null, 1), "changes.txt": done.join("\n") },
  attempt: () => attempt(model, plan, done),
});

const words = ({ path, what }: Changed): string => `${path.join(".")}: ${what}`;

async function attempt(model: Subject, plan: Plan, done: readonly string[]): Promise<Verdict> {
  const known = untouched.get(model) ?? numbersOf(model, model.executable.plan);
  untouched.set(model, known);
  const before = await known;
  const after = await numbersOf(model, plan);
  if (sameBytes(before, after)) return accepted;
  if (done.every((change) => MAY_DIFFER.some((key) => key.test(change.slice(0, change.indexOf(":")))))) return accepted;
  const places = done.map((change) =>
    change
      .replace(/:.*/, "")
      .replace(/\.\d+(?=\.|$)/g, ".*")
      .replace(/(?<=entries\.)\w+/, "*"),
  );
  return wrong(
    `other numbers, where the plan differs at ${[...new Set(places)].sort().join(" and ")}\n${done.join("\n")}`,
  );
}

async function numbersOf({ executable, checkpoint, batches }: Subject, plan: Plan): Promise<readonly Uint8Array[]> {
  const session = await Session.open({ ...executable, plan }, backend, { seed: 7 });
  try {
    await session.restore(decodeCheckpoint(checkpoint));
    return await exercise(session, batches);
  } finally {
    session.close();
  }
}
