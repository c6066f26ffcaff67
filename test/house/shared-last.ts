/**
 * The order of test files: those with a process of their own, then whole compilations, then the small files that share processes with
 * them, so that two workers end together.
 */
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** A vitest sequencer. Within each part, vitest's own order: by what was measured last, else by size. */
export class SharedLast extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    // A shared process ends when a file with one of its own follows.
    const part = ({ project, moduleId }: TestSpecification): number => {
      if (project.config.isolate) return 0;
      return moduleId.includes("/test/compile/") ? 1 : 2;
    };
    return sorted.toSorted((a, b) => part(a) - part(b));
  }
}
