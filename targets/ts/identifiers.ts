/** Names of a cell's text as names of TypeScript. */

/** Words that are no names in a module, or that mean something else there. */
const reserved: ReadonlySet<string> = new Set(
  (
    "abstract any arguments as async await boolean break case catch class const continue debugger declare default delete do else " +
    "enum eval export extends false finally for from function get if implements import in infer instanceof interface is keyof let " +
    "module namespace never new null number object of out package private protected public readonly require return satisfies set " +
    "static string super switch symbol this throw true try type typeof undefined unique unknown using var void while with yield " +
    // What the module's own text uses of its surroundings.
    "globalThis NaN Infinity Promise Record Partial Readonly Omit Float32Array Uint8Array __proto__ __dirname __filename exports"
  ).split(" "),
);

/** An identifier as close to `name` as can be: `delete` → `delete_`. `taken`: what the module itself declares. */
export function safeIdentifier(name: string, taken: ReadonlySet<string>): string {
  let safe = /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : `v_${name.replace(/[^A-Za-z0-9_]+/g, "_")}`;
  while (reserved.has(safe) || taken.has(safe)) safe += "_";
  return safe;
}

/** A property's name in a type. */
export const propertyName = (name: string): string =>
  /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && name !== "__proto__" ? name : JSON.stringify(name);

/** A property's name in a value, where a plain `__proto__` would set the prototype. */
export const valueName = (name: string): string => (name === "__proto__" ? '["__proto__"]' : propertyName(name));
