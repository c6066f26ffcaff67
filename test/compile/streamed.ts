/** Sessions that infer whole sequences and streams of the same model, for comparing the two. */
import { compileGraph } from "../../compiler/compile.ts";
import type { Backend } from "../../runtime/backend.ts";
import { Session } from "../../runtime/session.ts";
import { sample, uniform } from "../ir/numbers.ts";
import { compile } from "../semantics/sources.ts";
import type { Place } from "./backends.ts";

/** A session for `batch` sequences of `time` steps, and for one; its statistics are drawn. */
export async function openStreamed(
  text: string,
  { target }: Place,
  backend: Backend,
  { time, batch }: { readonly time: number; readonly batch: number },
): Promise<Session> {
  const { graph, dims } = compile(text);
  const of = (batch: number) => {
    const entries = ["infer", "start", "step"] as const;
    return compileGraph(graph, { dims, path: "main.cell", batch, time, entries }, target);
  };
  const session = await Session.open(of(batch), backend, { seed: 3 });
  await session.attach(of(1));
  const random = uniform(8);
  for (const { name, role, shape } of session.plan.entries.infer!.tensors) {
    if (role.kind !== "stat") continue;
    const n = shape.reduce((a, b) => a * b, role.steps);
    await session.write(name, Float32Array.from(sample(n, [0.1, 0.6], random)));
  }
  return session;
}
