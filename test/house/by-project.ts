/**
 * The order of test files: one project after the other, as a shared process ends when a file of another project follows; of the last, whole
 * compilations before the small files, so that two workers end together.
 */
import { BaseSequencer, type TestSpecification } from "vitest/node";

const projects = ["apart", "programs", "compiler"];

/** A vitest sequencer. Within each part, vitest's own order: by what was measured last, else by size. */
export class ByProject extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const part = ({ project, moduleId }: TestSpecification): number =>
      2 * projects.indexOf(project.name) + (moduleId.includes("/test/compile/") ? 0 : 1);
    return sorted.toSorted((a, b) => part(a) - part(b));
  }
}
