/** What a caller wants of the fields of a file. */
import type { Field, Recording, Values } from "../recording.ts";
import { fault } from "./fault.ts";

export interface Wanted {
  /** The fields that are wanted; labels are kept in any case. Default: all. */
  readonly fields?: ReadonlySet<string>;
  /** Fields whose values are names, even if they look like numbers. */
  readonly texts?: ReadonlySet<string>;
}

/** The recording with only the fields that are wanted, and with names in place of numbers. Throws C0402 if a name would be several numbers. */
export function withWanted({ path, fields, pieces }: Recording, { fields: wanted, texts }: Wanted): Recording {
  const kept = Object.entries(fields).filter(([name, { kind }]) => kind === "label" || (wanted?.has(name) ?? true));
  const asText = ([name, field]: readonly [string, Field]): boolean =>
    field.kind === "number" && (texts?.has(name) ?? false);
  const several = kept.find((entry) => asText(entry) && entry[1].kind === "number" && entry[1].shape.length > 0);
  if (several !== undefined) throw fault(path, `\`${several[0]}\` has several numbers at once, so they are no names`);
  const named = new Set(kept.filter(asText).map(([name]) => name));
  const read = (name: string, values: Values): Values =>
    named.has(name) ? [...values].map((value) => (Number.isNaN(value) ? "" : String(value))) : values;
  return {
    path,
    fields: Object.fromEntries(
      kept.map(([name, field]) => [name, named.has(name) ? { kind: "symbol", over: field.over } : field]),
    ),
    async *pieces() {
      for await (const piece of pieces()) {
        const values = kept.flatMap(([name]) => (name in piece.values ? [[name, read(name, piece.values[name])]] : []));
        yield { ...piece, values: Object.fromEntries(values) };
      }
    },
  };
}
