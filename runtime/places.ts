import { RuntimeError } from "./error.ts";
import { isCount, shown } from "./shown.ts";

/** The distinct examples that begin anew, by their places among those of `what`. Errors: C0406. */
export function ownPlaces(given: ArrayLike<number>, examples: number, what: string): readonly number[] {
  const places = Array.from(given);
  const wrong = places.find((place, i) => !isCount(place) || place >= examples || places.indexOf(place) !== i);
  if (wrong === undefined) return places;
  const twice = isCount(wrong) && wrong < examples;
  const last = examples - 1;
  const has = last === 0 ? "the example 0" : `examples 0 to ${last}`;
  const fault = twice ? `example ${wrong} cannot begin anew twice` : `this ${what} has ${has}, not ${shown(wrong)}`;
  throw new RuntimeError("C0406", fault);
}
