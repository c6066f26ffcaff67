/** Opens a compiled model by the address of its folder. */
import { addressOf, fetchBytes, fetchedFolder } from "./fetched-folder.ts";
import {
  checkPlace,
  type OpenExecutableOptions,
  type OpenedExecutable,
  type OpenSessionOptions,
  openFrom,
  openOptions,
  openSessionOptions,
  type Places,
  sessionFrom,
} from "./open-folder.ts";
import type { Session } from "./session.ts";

/**
 * Loads the compiled model in the folder at an address, as `cellc compile` or `cellc export` wrote it: opens a backend that it was
 * compiled for, and loads plan, code and, if there are any, weights. In a page, addresses are relative to it. Errors: C0401 (nothing
 * there), C0406 (options, or not compiled for the backend), C0411 (damaged, or parts of two executables), C0404 and C0407 (weights),
 * C0509 (no backend here can run it, and why), those of a backend that is asked for.
 */
export async function openExecutable(
  source: string | URL,
  options: OpenExecutableOptions = {},
): Promise<OpenedExecutable> {
  return openFrom(placesAt(source, openOptions(options)), options);
}

/**
 * A session of the compiled model at an address, with its weights, or else with initial parameters from a `seed`. `session.backend` is
 * what it runs on; if the session opened it, it closes it. Errors: as `openExecutable`; C0403, if the weights are another model's.
 */
export async function openSession(source: string | URL, options: OpenSessionOptions = {}): Promise<Session> {
  return sessionFrom(placesAt(source, openSessionOptions(options)), options);
}

/** Errors: C0406. */
function placesAt(source: unknown, { request }: Pick<OpenExecutableOptions, "request">): Places {
  checkPlace(source);
  return {
    folder: fetchedFolder(source, request),
    readWeights: (place, most) => fetchBytes(addressOf(place), request, most),
  };
}
