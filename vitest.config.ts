import { defineConfig } from "vitest/config";
import { TallyReporter } from "./test/house/tally-reporter.ts";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    globalSetup: "test/scratch.ts",
    pool: "forks",
    maxWorkers: 2,
    reporters: ["default", new TallyReporter()],
  },
});
