/** A process that compiles once: `cold-start.mjs FILE BATCH TIME`; how long its imports and the compilation took. */
const [path, batch, time] = process.argv.slice(2);

const start = performance.now();
const { compile } = await import("cellc/compiler");
const imported = performance.now();
const entries = ["train", "estimate", "infer", "update"];
const { executable } = compile(path, { batch: Number(batch), time: Number(time), entries });
// The code is made when it is asked for.
if (executable.code.binary.length === 0) throw new Error("no code");
const compiled = performance.now();
console.log(JSON.stringify({ imports: imported - start, compile: compiled - imported }));
