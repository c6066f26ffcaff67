import { describe, expect, test } from "vitest";
import { fileHost } from "../../../cli/api/file-host.ts";
import { placementText } from "../../../cli/explore/placement.ts";
import { withoutUnneededShifts } from "../../../cli/explore/shifts.ts";
import { check } from "../../../compiler/check.ts";

const LSTM = "examples/cells/lstm.cell";
const without = (placement: Readonly<Record<string, string>>, file = LSTM) =>
  withoutUnneededShifts(placement, file, fileHost, { dims: { D: 4, H: 3 } });

const warned = (placement: Readonly<Record<string, string>>) =>
  check(LSTM, fileHost, { dims: { D: 4, H: 3 }, place: placementText(placement) }).map(({ code }) => code);

describe("a norm beside another shift", () => {
  test("is placed without its own", () => {
    expect(without({ hh: "batch", xh: "layer(gamma=0.2)", cc: "layer" })).toEqual({
      ...{ hh: "batch(beta = none)", xh: "layer(gamma=0.2, beta = none)", cc: "layer" },
    });
  });

  test("is not warned of then", () => {
    const placement = { hh: "batch", xh: "layer" };
    expect([warned(placement), warned(without(placement))]).toEqual([["W0605", "W0605"], []]);
  });

  test("keeps a shift that was asked for", () => {
    expect(without({ hh: "batch(beta=0.5)" })).toEqual({ hh: "batch(beta=0.5)" });
  });

  test("stays as it is where it does not compile", () => {
    expect(without({ hh: "sequence" })).toEqual({ hh: "sequence" });
  });

  test("of a scan of a model is found by its short name", () => {
    expect(without({ hh: "batch" }, "examples/smnist.cell")).toEqual({ hh: "batch(beta = none)" });
  });
});
