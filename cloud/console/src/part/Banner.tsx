import { useSignalEffect } from "@preact/signals";
import { useState } from "preact/hooks";
import { signedIn } from "../cloud/request.ts";
import { hearing, returns } from "../live/stream.ts";
import { Icon } from "./Icon.tsx";

/** Says that the cloud is gone, and then that it is back. */
export function Banner() {
  const [isBack, setBack] = useState(false);
  useSignalEffect(() => {
    if (returns.value > 0) setBack(true);
  });
  if (!signedIn.value) return null;
  if (hearing.value === "lost") {
    return (
      <p class="banner bad" role="status">
        <Icon name="warning" /> The cloud does not answer. What you see may be old; this page goes on as soon as it is back.
      </p>
    );
  }
  if (!isBack) return null;
  return (
    <p class="banner good" role="status">
      <Icon name="check" /> The cloud is back.
      <button type="button" class="quiet small" aria-label="Dismiss" onClick={() => setBack(false)}>
        <Icon name="close" />
      </button>
    </p>
  );
}
