import type { Json } from "../json.ts";

/** Matches property names, strings, numbers and literals. */
const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d[\d.eE+-]*|true|false|null)/g;

/** JSON, indented and highlighted. */
export function JsonView({ value }: { value: Json | undefined }) {
  const text = value === undefined ? "" : JSON.stringify(value, null, 2);
  return (
    <pre class="json" tabIndex={0}>
      {[...tokens(text)]}
    </pre>
  );
}

function* tokens(text: string) {
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    yield text.slice(end, match.index);
    const [all, string, colon] = match;
    const kind = string === undefined ? "literal" : colon ? "name" : "text";
    yield <span class={kind}>{string ?? all}</span>;
    yield colon ?? "";
    end = match.index + all.length;
  }
  yield text.slice(end);
}
