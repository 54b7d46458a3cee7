import { useState } from "preact/hooks";
import type { InputProps } from "./SchemaInput.tsx";

/** Moments in the past that are often wanted. */
const BACK = [
  { title: "−5 min", milliseconds: 5 * 60_000 },
  { title: "−1 h", milliseconds: 3_600_000 },
];

/** An input for a moment, in the time zone of this browser; what is sent is UTC. */
export function MomentInput({ id, initial, onDraft }: InputProps) {
  const [text, setText] = useState(typeof initial === "string" ? local(Date.parse(initial)) : "");
  const change = (text: string) => {
    setText(text);
    const at = Date.parse(text);
    onDraft({ value: Number.isNaN(at) ? undefined : new Date(at).toISOString() });
  };
  return (
    <div class="moment">
      <input id={id} type="datetime-local" step="1" value={text} onInput={(event) => change(event.currentTarget.value)} />
      {BACK.map(({ title, milliseconds }) => (
        <button type="button" class="small" key={title} onClick={() => change(local(Date.now() - milliseconds))}>
          {title}
        </button>
      ))}
    </div>
  );
}

/** As the input wants it. */
function local(at: number): string {
  if (Number.isNaN(at)) return "";
  const shifted = new Date(at - new Date(at).getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 19);
}
