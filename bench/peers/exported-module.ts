/** Prints what `cellc export --to pytorch` writes of a cell: `exported-module.ts CELL D H STEPS`. */
import { fileURLToPath } from "node:url";
import { fileHost } from "../../cli/api/file-host.ts";
import { moduleForm } from "../../compiler/module-form.ts";
import { elaborate } from "../../compiler/semantics/elaborate.ts";
import { pytorchModule } from "../../targets/pytorch/module.ts";

const [cell, ...sizes] = process.argv.slice(2);
const [D, H, steps] = sizes.map(Number);
const path = fileURLToPath(new URL(`../../examples/cells/${cell}.cell`, import.meta.url));
const { graph, dims } = elaborate(path, fileHost, { entry: cell, dims: { D, H } });
const about = { about: [], source: "", dims, steps, momentum: 0.1, isCell: true };
const { text, className } = pytorchModule(moduleForm(graph), about);
console.log(`${text}\n\nEXPORTED = ${className}`);
