/** Which fields of new data are what a trained model's preparation names. */
import { exit, Failure } from "../failure.ts";
import type { Preparation, Prepared } from "./preparation.ts";
import type { Recording } from "./recording.ts";
import { listed, type Role, type Roles } from "./roles.ts";

type Source = Pick<Recording, "path" | "fields" | "looks">;

/**
 * The inputs of a preparation, all of which must be there, and those of its targets that are. Throws C0406 for a column that is not there,
 * or holds something else than in training.
 */
export function knownRoles(source: Source, preparation: Preparation): Roles {
  const { path, fields } = source;
  const inputs = Object.entries(preparation.inputs).map(([name, prepared]) => {
    const lacking = prepared.fields.find((field) => !Object.hasOwn(fields, field));
    if (lacking !== undefined)
      throw new Failure(
        "C0406",
        exit.input,
        `${path} has no column ${lacking}, of which the model's ${name} was made in training`,
        `it has ${listed(Object.keys(fields))}`,
      );
    return roleOf(source, name, prepared);
  });
  const targets = Object.entries(preparation.targets)
    .filter(([, { fields: wanted }]) => wanted.every((field) => Object.hasOwn(fields, field)))
    .map(([name, prepared]) => roleOf(source, name, prepared));
  return { inputs, targets, next: Object.values(preparation.places).includes("next") };
}

function roleOf({ path, fields, looks }: Source, name: string, { kind, fields: wanted }: Prepared): Role {
  const wrong = wanted.find((field) => {
    const found = fields[field].kind;
    return found === "label" || (kind === "numbers" && found === "symbol");
  });
  if (wrong !== undefined)
    throw new Failure(
      "C0406",
      exit.input,
      `${wrong} of ${path} holds ${fields[wrong].kind === "label" ? "names or dates" : "texts"}, and the model was trained with ${kind === "numbers" ? "numbers" : "symbols"} of it, as ${name}`,
      looks?.[wrong] && `${looks[wrong].why}: ${looks[wrong].help}`,
    );
  const [{ over }] = wanted.map((field) => fields[field]);
  const other = wanted.find((field) => fields[field].over !== over);
  if (other !== undefined)
    throw new Failure(
      "C0406",
      exit.input,
      `${wanted[0]} and ${other} of ${path}, of which ${name} was made in training: one has a value for each step, and one for the sequence`,
    );
  return { name, kind, fields: wanted, over };
}
