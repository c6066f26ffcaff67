/** Fuzzers with a fault each, to see that the harness tells them apart. */
import { accepted, type Case, type Fuzzer, type Verdict, wrong } from "./fuzzer.ts";

const faulty = (name: string, attempt: (drawn: number) => Verdict | Promise<Verdict>, seconds = 30): Fuzzer => ({
  name,
  tries: name,
  seconds,
  make: (random) => {
    const drawn = random.below(1000);
    return { files: { "drawn.txt": `${drawn}` }, attempt: () => attempt(drawn) };
  },
});

/** A list of numbers, which fails where a 7 is among them. */
function listOf(numbers: readonly number[]): Case {
  return {
    files: { "numbers.txt": numbers.join(" ") },
    attempt: () => (numbers.includes(7) ? wrong(`7 among ${numbers.length}`) : accepted),
    *smaller() {
      for (const at of numbers.keys()) yield listOf(numbers.toSpliced(at, 1));
    },
  };
}

export const fuzzers: readonly Fuzzer[] = [
  faulty("accepts", () => accepted),
  faulty("refuses", () => ({ outcome: "refused", by: "C0406" })),
  faulty("throws", (drawn) => {
    throw new RangeError(`too deep by ${drawn}`);
  }),
  faulty("dies", () => process.exit(9)),
  faulty("rejects-later", async () => {
    void Promise.reject(new Error("nobody waits for it"));
    await new Promise((resolve) => setTimeout(resolve, 1000));
    return accepted;
  }),
  faulty(
    "hangs",
    () => {
      for (;;);
    },
    1,
  ),
  { name: "lists", tries: "lists", seconds: 30, make: () => listOf([1, 2, 7, 3, 4, 5]) },
];
