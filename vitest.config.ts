import { defineConfig } from "vitest/config";
import { optimizeLater } from "./cli/engine.ts";
import { SharedLast } from "./test/house/shared-last.ts";
import { TallyReporter } from "./test/house/tally-reporter.ts";

/** Folders with tests of pure functions: their files share two processes, in which the compiler is loaded and optimised once. */
const pure =
  "buffers|checks|codegen|compile|diagnostics|ir|kernel-ir|partition|passes|proofs|schedule|semantics|syntax";

/** But for one, which puts ops of its own into the table. */
const impure = "made-up-op";

export default defineConfig({
  test: {
    // A test that compares nothing says nothing.
    expect: { requireAssertions: true },
    testTimeout: 120_000,
    hookTimeout: 120_000,
    globalSetup: "test/scratch.ts",
    // One file instead of chevrotain's 640, which every test file would load anew.
    deps: { optimizer: { ssr: { enabled: true, include: ["chevrotain"] } } },
    pool: "forks",
    maxWorkers: 2,
    // A test's process ends too soon for what V8 optimises at once to pay.
    execArgv: [...optimizeLater],
    sequence: { sequencer: SharedLast },
    reporters: ["default", new TallyReporter()],
    // What is left out is said by the patterns: `exclude` would take precedence over the command line's.
    projects: [
      {
        extends: true,
        test: { name: "shared", include: [`test/@(${pure})/**/!(${impure}).test.ts`], isolate: false },
      },
      {
        extends: true,
        test: {
          name: "alone",
          include: ["test/*.test.ts", `test/!(${pure})/**/*.test.ts`, `test/**/${impure}.test.ts`],
        },
      },
    ],
  },
});
