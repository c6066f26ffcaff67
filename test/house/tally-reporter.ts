/** Ends a test run with one line that a machine can read: `N passed, N failed`. */
import type { Reporter } from "vitest/node";

/** What is counted of a vitest `TestSuite`: errors outside its tests, such as a `beforeAll` that throws. */
interface CountedSuite {
  errors(): readonly unknown[];
}

/** What is counted of a vitest `TestModule`, which is one test file. */
export interface CountedModule extends CountedSuite {
  readonly children: {
    allTests(): Iterable<{ result(): { readonly state: string } }>;
    allSuites(): Iterable<CountedSuite>;
  };
}

export interface Tally {
  readonly passed: number;
  readonly failed: number;
}

/**
 * Counts a run. A file that cannot be loaded, a hook that throws, an error nobody caught and a test that never got its
 * turn each count as one failure, so that `failed` is 0 only when everything ran and held.
 */
export function tally(modules: readonly CountedModule[], unhandledErrors: readonly unknown[]): Tally {
  let passed = 0;
  let failed = unhandledErrors.length;
  for (const module of modules) {
    failed += module.errors().length;
    for (const suite of module.children.allSuites()) failed += suite.errors().length;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === "passed") passed++;
      else if (state !== "skipped") failed++;
    }
  }
  return { passed, failed };
}

/** `12 passed, 0 failed` */
export function tallyLine({ passed, failed }: Tally): string {
  return `${passed} passed, ${failed} failed`;
}

/** A vitest reporter. It is last in the list of reporters, so that its line is the last one printed. */
export class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly CountedModule[], unhandledErrors: readonly unknown[]): void {
    process.stdout.write(`${tallyLine(tally(modules, unhandledErrors))}\n`);
  }
}
