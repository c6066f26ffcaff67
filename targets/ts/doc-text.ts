/** Comments of a cell's text as JSDoc. */

/**
 * Lines as a description for an editor: those that are indented, such as equations, become a block of code, and nothing in them ends
 * the comment or begins a tag.
 */
export function docText(lines: readonly string[]): string {
  const text: string[] = [];
  let inBlock = false;
  const fence = (open: boolean): void => {
    if (inBlock !== open) text.push("```");
    if (inBlock !== open && open) text[text.length - 1] = "```text";
    inBlock = open;
  };
  for (const line of lines) {
    const isCode = /^\s{2,}\S/.test(line);
    if (line.trim() !== "") fence(isCode);
    const safe = line.replaceAll("*/", "*\\/").replace(/[\u2028\u2029\r\n]/g, " ");
    text.push(isCode ? safe.replace(/^ {2}/, "") : safe.replace(/^(\s*)@/, "$1\\@"));
  }
  fence(false);
  return text.join("\n");
}
