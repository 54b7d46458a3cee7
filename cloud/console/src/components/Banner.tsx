import { useSignalEffect } from "@preact/signals";
import { useState } from "preact/hooks";
import { signedIn } from "../api/session.ts";
import { reconnects, streamState } from "../live/stream.ts";
import { Icon } from "./Icon.tsx";

/** Banner shown while the connection to the cloud is lost and after it is restored. */
export function Banner() {
  const [isRestored, setRestored] = useState(false);
  useSignalEffect(() => {
    if (reconnects.value > 0) setRestored(true);
  });
  if (!signedIn.value) return null;
  if (streamState.value === "lost") {
    return (
      <p class="banner danger" role="status">
        <Icon name="warning" /> Connection to the cloud lost. Data may be out of date. Reconnecting…
      </p>
    );
  }
  if (!isRestored) return null;
  return (
    <p class="banner success" role="status">
      <Icon name="check" /> Connection restored.
      <button
        type="button"
        class="subtle small"
        aria-label="Dismiss"
        onClick={() => setRestored(false)}
      >
        <Icon name="close" />
      </button>
    </p>
  );
}
