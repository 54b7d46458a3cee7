import { acknowledging, components, names, standing } from "../cloud/acknowledgment.ts";
import type { Twin } from "../cloud/twin.ts";
import { equal, type JsonObject } from "../json.ts";
import { Chip, type Tone } from "../part/Chip.tsx";
import { Copy } from "../part/Copy.tsx";
import { JsonView } from "../part/JsonView.tsx";
import { short } from "../words.ts";
import type { TabProps } from "./DevicePage.tsx";

/** Both halves of the twin, and where they differ. */
export function TwinTab({ twin }: TabProps) {
  return (
    <>
      <Differences twin={twin} />
      <div class="columns">
        <Half title="Desired" version={twin.desired.version} values={twin.desired.values} />
        <Half title="Reported" version={twin.reported.version} values={twin.reported.values} />
      </div>
      {Object.keys(twin.tags).length > 0 && <Half title="Tags" version={undefined} values={twin.tags} />}
    </>
  );
}

function Half({ title, version, values }: { title: string; version: number | undefined; values: JsonObject }) {
  return (
    <section class="card">
      <header class="half">
        <h2>{title}{version !== undefined && <span class="faint"> v{version}</span>}</h2>
        <Copy text={JSON.stringify(values, null, 2)} label={title.toLowerCase()} />
      </header>
      <JsonView value={values} />
    </section>
  );
}

interface Difference {
  readonly path: string;
  readonly desired: string;
  readonly reported: string;
  readonly verdict: string;
  readonly tone: Tone;
}

function Differences({ twin }: { twin: Twin }) {
  const rows = [undefined, ...components(twin.desired)].flatMap((component) => ofComponent(twin, component));
  return (
    <section class="card table">
      <h2>Desired against reported</h2>
      {rows.length === 0 && <p class="faint">Nothing is desired of this device yet.</p>}
      {rows.length > 0 && (
        <table class="differences">
          <thead>
            <tr><th>Property</th><th>Desired</th><th>Reported</th><th>Verdict</th></tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.path}>
                <th scope="row">{row.path}</th>
                <td class="clip">{row.desired}</td>
                <td class="clip">{row.reported}</td>
                <td><Chip tone={row.tone}>{row.verdict}</Chip></td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function ofComponent(twin: Twin, component: string | undefined): Difference[] {
  const own = names(twin.desired, component);
  const inner = component ? [] : components(twin.desired);
  return own.filter((name) => !inner.includes(name)).map((name) => difference(twin, component, name));
}

function difference(twin: Twin, component: string | undefined, name: string): Difference {
  const { desired, reported, acknowledgment } = standing(twin, component, name);
  const [verdict, tone] = verdictOf(acknowledgment?.state, reported === undefined, equal(desired, acknowledging(reported)?.["value"] ?? reported));
  return { path: component ? `${component}.${name}` : name, desired: short(desired), reported: short(reported), verdict, tone };
}

function verdictOf(state: string | undefined, isMissing: boolean, isSame: boolean): [string, Tone] {
  if (isSame) return ["the same", "good"];
  if (state === "rejected") return ["rejected", "bad"];
  if (isMissing) return ["not reported", "wait"];
  return ["differs", "wait"];
}
