import { expect, test } from "vitest";
import { type CountedModule, tally, tallyLine } from "./tally-reporter.ts";

function file(states: readonly string[], errors = 0, suiteErrors: readonly number[] = []): CountedModule {
  return {
    errors: () => new Array(errors).fill("error"),
    children: {
      allTests: () => states.map((state) => ({ result: () => ({ state }) })),
      allSuites: () => suiteErrors.map((n) => ({ errors: () => new Array(n).fill("error") })),
    },
  };
}

test("passed and failed tests are counted over all files", () => {
  expect(tally([file(["passed", "failed"]), file(["passed"])], [])).toEqual({ passed: 2, failed: 1 });
});

test("a file that cannot be loaded counts as a failure", () => {
  expect(tally([file(["passed"]), file([], 1)], [])).toEqual({ passed: 1, failed: 1 });
});

test("a hook that throws and an error nobody caught count as failures", () => {
  expect(tally([file(["skipped"], 0, [1])], ["uncaught"])).toEqual({ passed: 0, failed: 2 });
});

test("a test that never ran counts as a failure", () => {
  expect(tally([file(["passed", "pending"])], [])).toEqual({ passed: 1, failed: 1 });
});

test("the line reads `N passed, N failed`", () => {
  expect(tallyLine({ passed: 12, failed: 0 })).toBe("12 passed, 0 failed");
});
