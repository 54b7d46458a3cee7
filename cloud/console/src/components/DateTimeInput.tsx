import { useState } from "preact/hooks";
import type { InputProps } from "./SchemaInput.tsx";

/** Offsets into the past. */
const PRESETS = [
  { title: "−5 min", milliseconds: 5 * 60_000 },
  { title: "−1 h", milliseconds: 3_600_000 },
];

/** Date and time input in the local time zone; the value is UTC. */
export function DateTimeInput({ id, initial, onChange }: InputProps) {
  const [text, setText] = useState(
    typeof initial === "string" ? toLocalInput(Date.parse(initial)) : "",
  );
  const change = (text: string) => {
    setText(text);
    const at = Date.parse(text);
    onChange({ value: Number.isNaN(at) ? undefined : new Date(at).toISOString() });
  };
  return (
    <div class="date-time">
      <input
        id={id}
        type="datetime-local"
        step="1"
        value={text}
        onInput={(event) => change(event.currentTarget.value)}
      />
      {PRESETS.map(({ title, milliseconds }) => (
        <button
          type="button"
          class="small"
          key={title}
          onClick={() => change(toLocalInput(Date.now() - milliseconds))}
        >
          {title}
        </button>
      ))}
    </div>
  );
}

/** Formats a time for a `datetime-local` input. */
function toLocalInput(at: number): string {
  if (Number.isNaN(at)) return "";
  const shifted = new Date(at - new Date(at).getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 19);
}
