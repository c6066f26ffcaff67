/** A placement: which norm stands at which site. */

/** Norms by site, in the syntax of `--place`: `{ hh: "batch(gamma = 0.1)", cc: "none" }`. */
export type Placement = Readonly<Record<string, string>>;

/** `hh=batch,cc=none`, as `--place` takes it. */
export const placementText = (placement: Placement): string =>
  Object.entries(placement)
    .map(([site, norm]) => `${site}=${norm}`)
    .join(",");

/** Whether it places no norm. */
export const placesNothing = (placement: Placement): boolean =>
  Object.values(placement).every((norm) => norm === "none");
