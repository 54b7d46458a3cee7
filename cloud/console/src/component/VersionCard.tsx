import type { ComponentChildren } from "preact";
import type { Version } from "../cloud/host.ts";
import { Chip } from "../part/Chip.tsx";
import { clock, moment } from "../words.ts";

interface Props {
  title: string;
  version: Version | null;
  /** Where a replacement is. */
  state: string | undefined;
  children?: ComponentChildren;
}

/** A version of the component. */
export function VersionCard({ title, version, state, children }: Props) {
  const since = moment(version?.since);
  return (
    <section class="card version">
      <header class="half">
        <h2>{title}</h2>
        {state && <Chip tone={state === "accepted" ? "good" : "wait"}>{state}</Chip>}
      </header>
      {!version && <p class="faint">Nothing.</p>}
      {version && (
        <dl class="facts">
          <div><dt>Component</dt><dd>{version.name} {version.version}</dd></div>
          <div><dt>SHA-256</dt><dd class="hash">{version.sha256}</dd></div>
          <div><dt>Model</dt><dd>{version.modelId}</dd></div>
          {since !== undefined && <div><dt>Since</dt><dd>{clock(since)}</dd></div>}
        </dl>
      )}
      {children && <footer>{children}</footer>}
    </section>
  );
}
