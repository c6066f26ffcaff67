/** The order of test files: whole compilations first, which take longest, so that two workers end together. */
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** A vitest sequencer. Within each part, vitest's own order: by what was measured last, else by size. */
export class CompileFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const later = ({ moduleId }: TestSpecification): number => (moduleId.includes("/test/compile/") ? 0 : 1);
    return sorted.toSorted((a, b) => later(a) - later(b));
  }
}
