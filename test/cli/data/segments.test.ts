import fc from "fast-check";
import { expect, test } from "vitest";
import { openBabi } from "../../../cli/data/formats/babi.ts";
import { segmentsOf } from "../../../cli/data/segments.ts";
import { Store } from "../../../cli/data/store.ts";
import { taskStreams } from "../../../cli/data/streams.ts";
import { sourceOf } from "./recordings.ts";

test.each(["stories.txt", "train.txt"])("all questions of a story are in one part: %s", async (name) => {
  const split = name === "train.txt" ? "train" : undefined;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 2, maxLength: 40 }), async (stories) => {
      const story = (questions: number): string =>
        Array.from({ length: questions }, (_, q) => `${2 * q + 1} It is here.\n${2 * q + 2} Where?\there\t1\n`).join(
          "",
        );
      const recording = await openBabi(sourceOf(stories.map(story).join("")));
      const store = await Store.fill([{ recording, ...(split && { split }) }], { missing: "refused" });
      const segments = await segmentsOf(store, split ? {} : { split: [0.5, 0.2, 0.3] }, taskStreams);
      const storyOf = stories.flatMap((questions, story) => Array.from({ length: questions }, () => story));
      const parts = storyOf.map((): string[] => []);
      for (const [part, of] of Object.entries(segments)) for (const { sequence } of of) parts[sequence].push(part);
      expect(parts.map(({ length }) => length)).toEqual(storyOf.map(() => 1));
      for (const story of stories.keys())
        expect(new Set(parts.filter((_, at) => storyOf[at] === story).flat()).size).toBe(1);
      if (stories.length >= 10) expect(segments.validation.length).toBeGreaterThan(0);
    }),
    { numRuns: 30 },
  );
});
