/** A line's sentences: cut behind 。！？； and their like with the quotes and brackets that close there, and behind a full stop before a space. */
const SENTENCE = /.+?(?:[。！？!?；;…]+["'”’」』）)\]】]*|\.(?=\s)|$)/gsu;

/** Put together they are the line. */
export function sentencesOf(line: string): string[] {
  return line.match(SENTENCE) ?? [];
}
