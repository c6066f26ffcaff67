import { defineConfig } from "vitest/config";
import { optimizeLater } from "./cli/engine.ts";
import { ByProject } from "./test/house/by-project.ts";
import { TallyReporter } from "./test/house/tally-reporter.ts";

/** Files that put things of their own in place of the compiler's. */
const apart = "made-up-op";

/** Folders with tests of what people run; the others are about the compiler's parts. */
const programs = "bench|cli|docs|fixtures|fuzz|house|runtime|targets";

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
    // A test's process ends too soon for what V8 optimises at once to pay. A compiler makes much that is soon garbage, of which a larger
    // nursery collects less often: some 5 % of the processor time of compiling tests.
    execArgv: [...optimizeLater, "--min-semi-space-size=64", "--max-semi-space-size=128"],
    sequence: { sequencer: ByProject },
    reporters: ["default", new TallyReporter()],
    // What is left out is said by the patterns: `exclude` would take precedence over the command line's.
    projects: [
      { extends: true, test: { name: "apart", include: [`test/**/${apart}.test.ts`] } },
      // Each of these has two processes, in which the compiler is loaded and optimised once.
      { extends: true, test: { name: "programs", include: [`test/@(${programs})/**/*.test.ts`], isolate: false } },
      {
        extends: true,
        test: { name: "compiler", include: [`test/!(${programs})/**/!(${apart}).test.ts`], isolate: false },
      },
    ],
  },
});
