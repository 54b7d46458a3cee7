import { useState } from "preact/hooks";
import { Icon } from "./Icon.tsx";

/** Button that copies a text to the clipboard. */
export function CopyButton({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
  };
  return (
    <button
      type="button"
      class="subtle small"
      onClick={copy}
      onBlur={() => setCopied(false)}
      aria-label={`Copy ${label}`}
    >
      <Icon name={copied ? "check" : "copy"} />
      <span aria-live="polite">{copied ? "Copied" : "Copy"}</span>
    </button>
  );
}
