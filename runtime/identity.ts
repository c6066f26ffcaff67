/** Compares the identities of two models, and says what differs. */
import type { Identity } from "./plan.ts";

/** The identity in a checkpoint: earlier versions recorded only the fingerprint. */
export type KnownIdentity = Pick<Identity, "fingerprint"> & Partial<Identity>;

/** The most differences that are named; further ones are counted. */
const MOST_NAMED = 8;

/**
 * What `there` and `here` compute differently, a phrase each; empty if they are the same model. The loss counts only if `here` has
 * one: without a loss, nothing depends on it. Metrics count only if `measures` is `all`: no saved number depends on them.
 */
export function differencesOf(there: KnownIdentity, here: Identity, measures: "loss" | "all"): readonly string[] {
  if (there.equations === undefined || there.measures === undefined)
    return ["it was written by an earlier version, which did not record the model's equations"];
  const theirs = there.measures;
  const counted = Object.keys(measures === "all" ? { ...theirs, ...here.measures } : here.measures).filter(
    (name) => measures === "all" || name === "loss",
  );
  const measured = counted.filter((name) => at(theirs, name) !== at(here.measures, name));
  if (there.fingerprint === here.fingerprint && measured.length === 0) return [];
  const names = new Set([...Object.keys(there.equations), ...Object.keys(here.equations)]);
  const found = [...names].flatMap((name) => {
    // Only the measures that count make a difference.
    const measure = name === "loss" || name.startsWith("metric ");
    if (measure && !measured.includes(name)) return [];
    return differenceIn(name, at(there.equations ?? {}, name), at(here.equations, name));
  });
  if (found.length === 0) return ["its equations differ"];
  const more = found.length - MOST_NAMED;
  return more > 1 ? [...found.slice(0, MOST_NAMED), `and ${more} equations more`] : found;
}

const at = (record: Readonly<Record<string, string>>, name: string): string | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined;

/** Describes how the equation `name` differs, given its hash in each model that has it. */
function differenceIn(name: string, there: string | undefined, here: string | undefined): readonly string[] {
  if (there === here) return [];
  const kind = name.slice(0, Math.max(0, name.indexOf(" "))) || name;
  const of = name.slice(kind.length + 1).replaceAll("/", ".");
  switch (kind) {
    case "norm":
      return [normDifference(of, there, here)];
    case "site":
      // A site without a norm changes nothing.
      return there === undefined || here === undefined ? [] : [`the equation of site \`${of}\` differs`];
    case "const":
      return [`\`${of}\` is ${there ? "a constant" : "trained"} in it, ${here ? "a constant" : "trained"} here`];
    case "direction":
      return [`${of} runs ${there ?? "not at all"} in it, ${here ?? "not at all"} here`];
    default:
      return [there && here ? `the equation of ${called(kind, of)} differs` : onlyIn(called(kind, of), there)];
  }
}

function called(kind: string, of: string): string {
  if (kind === "loss") return "the loss";
  return kind === "first" ? `state \`${of}\` before the first step` : `${kind} \`${of}\``;
}

const onlyIn = (what: string, there: string | undefined): string =>
  there === undefined
    ? `it has no ${what.replace(/^the /, "")}`
    : `it has ${what.replace(/^the /, "a ")}, and here is none`;

function normDifference(site: string, there: string | undefined, here: string | undefined): string {
  const [was, is] = [wordsOf(there), wordsOf(here)];
  const changed = was === is ? `${is}, whose own equations differ` : `${was} in it, ${is} here`;
  return `\`${site}\` has ${changed}`;
}

/** The placement, which follows the hash. */
function wordsOf(norm: string | undefined): string {
  if (norm === undefined) return "no norm";
  const space = norm.indexOf(" ");
  return space < 0 ? "a norm" : norm.slice(space + 1);
}
