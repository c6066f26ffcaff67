import { defineConfig } from "vitest/config";
import { CompileFirst } from "./test/house/compile-first.ts";
import { TallyReporter } from "./test/house/tally-reporter.ts";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // A test that compares nothing says nothing.
    expect: { requireAssertions: true },
    testTimeout: 120_000,
    hookTimeout: 120_000,
    globalSetup: "test/scratch.ts",
    // One file instead of chevrotain's 640, which every test file would load anew.
    deps: { optimizer: { ssr: { enabled: true, include: ["chevrotain"] } } },
    pool: "forks",
    maxWorkers: 2,
    sequence: { sequencer: CompileFirst },
    reporters: ["default", new TallyReporter()],
  },
});
