import type { Kernel, KStmt } from "./types.ts";
import { eachInside, eachStmt, expressionsOf } from "./walk.ts";

/** What statements use of the machine: which regions, and how, and whether lanes join in subgroups. */
export function usesOf(body: readonly KStmt[]): Pick<Kernel, "regions" | "subgroups"> {
  const access = new Map<string, "read" | "read_write">();
  let joins = false;
  eachStmt(body, (s) => {
    if (s.s === "store" && s.memory.kind === "region") access.set(s.memory.region, "read_write");
    for (const expression of expressionsOf(s)) {
      eachInside(expression, (e) => {
        if (e.k === "joint") joins = true;
        if (e.k !== "load" || e.memory.kind !== "region" || access.has(e.memory.region)) return;
        access.set(e.memory.region, "read");
      });
    }
  });
  const regions = [...access].map(([region, mode]) => ({ region, access: mode }));
  return joins ? { regions, subgroups: true } : { regions };
}
