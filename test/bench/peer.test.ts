import { expect, test } from "vitest";
import { Peer, reasonOf } from "../../bench/peer.ts";

/** A peer that runs `answer` for every line it is given. */
const peer = (answer: string) => ({
  command: [
    process.execPath,
    "-e",
    `console.log("a library's chatter"); console.log('{"facts":{"version":"1"}}');
     require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => { ${answer} });`,
  ],
  environment: {},
});
const LIMIT = 20_000;
const job = {
  name: "",
  about: "",
  kind: "train",
  B: 1,
  H: 1,
  T: 1,
  D: 1,
  cell: "lstm",
  form: "",
  numbers: "",
} as const;

test("a peer says what it is and answers", async () => {
  const [started, hello] = await Peer.start(
    peer(`console.log(JSON.parse(line).do === "run" ? '{"ms":2.5}' : '{"check":{"values":[1]}}')`),
    LIMIT,
  );
  expect(hello.facts).toEqual({ version: "1" });
  expect((await started.prepare("a", job, LIMIT)).check.values).toEqual([1]);
  expect(await started.run("a", 1, LIMIT)).toBe(2.5);
  started.stop();
});

test("a refusal is its reason, and the peer goes on", async () => {
  const [started] = await Peer.start(
    peer(`console.log(JSON.parse(line).key === "a" ? '{"error":"it has no such op"}' : '{"ms":1}')`),
    LIMIT,
  );
  await expect(started.run("a", 1, LIMIT)).rejects.toThrow("it has no such op");
  expect(await started.run("b", 1, LIMIT)).toBe(1);
  started.stop();
});

test("a peer that ends is an error with what it said last, now and later", async () => {
  const [started] = await Peer.start(peer(`throw new RangeError("out of memory")`), LIMIT);
  await expect(started.run("a", 1, LIMIT)).rejects.toThrow("out of memory");
  await expect(started.run("a", 1, LIMIT)).rejects.toThrow("out of memory");
});

test("a peer that does not answer in time is stopped", async () => {
  const [started] = await Peer.start(peer(""), LIMIT);
  await expect(started.run("a", 1, 50)).rejects.toThrow("no answer within");
  await expect(started.run("a", 1, LIMIT)).rejects.toThrow("no answer within");
});

test("a program that is not there is an error", async () => {
  const missing = { command: ["cellc-no-such-program"], environment: {} };
  await expect(Peer.start(missing, LIMIT)).rejects.toThrow("ENOENT");
});

test("a missing package is named, with how to install it", () => {
  const said = "Error [ERR_MODULE_NOT_FOUND]: Cannot find package '@jax-js/jax' imported from jax.mjs\n    at a (b)\n";
  expect(reasonOf(said, 1, null)).toMatch(/^Cannot find package '@jax-js\/jax' \(npm run bench:setup/);
  expect(reasonOf("    import torch\nModuleNotFoundError: No module named 'torch'\n", 1, null)).toBe(
    "ModuleNotFoundError: No module named 'torch'",
  );
  expect(reasonOf("", 3, null)).toBe("it ended with code 3");
  expect(reasonOf("", null, "SIGKILL")).toBe("it was ended by SIGKILL");
});
