/** Recognises other programs' files by their first bytes where a checkpoint is expected. */

/** What kind of file begins with `bytes`, in words; undefined if it is not known. */
export function foreignKind(bytes: Uint8Array): string | undefined {
  return KINDS.find(({ is }) => is(bytes))?.words;
}

interface Kind {
  readonly words: string;
  readonly is: (bytes: Uint8Array) => boolean;
}

const text = (bytes: Uint8Array, from: number, to: number): string =>
  String.fromCharCode(...bytes.subarray(from, Math.min(to, bytes.length)));

const begins =
  (magic: string, at = 0) =>
  (bytes: Uint8Array): boolean =>
    text(bytes, at, at + magic.length) === magic;

const zip = begins("PK\x03\x04");

/** Whether a zip archive mentions a name near its beginning, where its first file is named. */
const zipWith =
  (name: string) =>
  (bytes: Uint8Array): boolean =>
    zip(bytes) && text(bytes, 0, 400).includes(name);

const KINDS: readonly Kind[] = [
  { words: "a file of PyTorch's own (torch.save)", is: zipWith("data.pkl") },
  { words: "a NumPy archive (.npz)", is: zipWith(".npy") },
  { words: "a zip archive", is: zip },
  { words: "a NumPy array (.npy)", is: begins("\x93NUMPY") },
  { words: "an HDF5 file, such as Keras writes", is: begins("\x89HDF\r\n\x1a\n") },
  { words: "a GGUF file", is: begins("GGUF") },
  { words: "a TensorFlow Lite model", is: begins("TFL3", 4) },
  { words: "a gzip archive", is: begins("\x1f\x8b") },
  // Protocol 2 and later; torch.save wrote such files until version 1.6.
  { words: "a Python pickle", is: (bytes) => bytes[0] === 0x80 && bytes[1] >= 2 && bytes[1] <= 5 },
  // A protocol buffer whose first fields are the format's version and the producer.
  { words: "an ONNX model", is: (bytes) => bytes[0] === 0x08 && bytes[1] < 0x20 && bytes[2] === 0x12 },
  { words: "JSON text", is: (bytes) => /^\s*[{[]\s*["\]}{[\d-]/.test(text(bytes, 0, 64)) },
];
