/** `cellc draw`: draws a cell or model as a picture of its equations, with the norms at their sites. */
import { rootOf } from "../../compiler/documentation.ts";
import { elaborate } from "../../compiler/semantics/elaborate.ts";
import { fileHost } from "../api/file-host.ts";
import type { Context } from "../context.ts";
import { diagramOf } from "../draw/diagram.ts";
import { drawDiagram } from "../draw/draw-diagram.ts";
import { type ExitCode, exit } from "../failure.ts";
import { readSource } from "../read-source.ts";
import { writeAtomically } from "../report/files.ts";
import { elaborateOptions, type ModelOptions } from "../toolchain.ts";

export interface DrawOptions extends Pick<ModelOptions, "entry" | "dims" | "place" | "cell"> {
  /** The file of the picture. */
  readonly out: string;
}

/** The picture of an entry, an SVG document. Errors: `CompileError`. */
export function drawn(file: string, options: Omit<DrawOptions, "out">): string {
  const { graph, sites, dims } = elaborate(file, fileHost, elaborateOptions(options));
  const norms = new Map(sites.flatMap(({ name, norm }) => (norm ? [[name, norm.name] as const] : [])));
  const diagram = diagramOf(rootOf(file, fileHost, graph.name), (site) => norms.get(site));
  const sizes = Object.entries(dims).map(([name, n]) => `${name} = ${n}`);
  const scanned = [...norms].flatMap(([site, norm]) =>
    site.includes("/") ? [`${site.replaceAll("/", ".")} → ${norm}`] : [],
  );
  return drawDiagram(diagram, graph.name, [sizes.join(", "), ...scanned].filter(Boolean).join("; "));
}

export async function draw({ output }: Context, file: string, options: DrawOptions): Promise<ExitCode> {
  readSource(file);
  const picture = drawn(file, options);
  await writeAtomically(options.out, picture);
  output.say(options.out);
  output.result({ ok: true, file: options.out });
  return exit.ok;
}
