/** The elements of SVG pictures, and the look that they share. */
import { parseHTML } from "./linkedom.ts";

export const INK = "#24292f";
export const PALE_INK = "#57606a";
export const FAMILY = "'Inter', 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif";

/** A document to draw in. */
export function blankDocument(): Document {
  return parseHTML("<!doctype html><html><head></head><body></body></html>").document;
}

/** An element with its attributes. */
export function svgElement(
  document: Document,
  name: string,
  attributes: Readonly<Record<string, string | number>>,
): Element {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

/** A line of text. */
export function words(
  document: Document,
  text: string,
  attributes: Readonly<Record<string, string | number>>,
): Element {
  const made = svgElement(document, "text", attributes);
  made.textContent = text;
  return made;
}
