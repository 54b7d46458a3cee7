import { useId, useState } from "preact/hooks";
import { type Acknowledgment, standing } from "../cloud/acknowledgment.ts";
import { setDesired, type Twin } from "../cloud/twin.ts";
import type { Property } from "../model/interface.ts";
import { misfit } from "../model/misfit.ts";
import { Chip } from "../part/Chip.tsx";
import { type Draft, SchemaInput } from "../part/SchemaInput.tsx";
import { Value } from "../part/Value.tsx";
import { inWords } from "../part/use.ts";
import { clock, span } from "../words.ts";

interface Props {
  device: string;
  twin: Twin;
  property: Property;
  isNamed: boolean;
  onChange: () => void;
}

/** One property: what the device says, what it is to be, and what became of that. */
export function PropertyCard({ device, twin, property, isNamed, onChange }: Props) {
  const { reported, desired, at, acknowledgment } = standing(twin, property.component, property.name);
  return (
    <article class="card property" data-property={property.name}>
      <header>
        <h3>{property.title}</h3>
        {property.title !== property.name && <code class="faint">{property.name}</code>}
        {!isNamed && <Chip tone="wait" title="The device's model does not name it">Not in the model</Chip>}
      </header>
      {property.description && <p class="faint">{property.description}</p>}
      <p class="reported">
        <Value value={reported} unit={property.unit} />
        <span class="faint">{at === undefined ? "not reported" : `reported ${clock(at)}`}</span>
      </p>
      {property.writable && <Setting device={device} property={property} desired={desired} onChange={onChange} />}
      <Outcome acknowledgment={acknowledgment} connected={twin.connected} />
    </article>
  );
}

type SettingProps = Pick<Props, "device" | "property" | "onChange"> & { desired: Draft["value"] };

function Setting({ device, property, desired, onChange }: SettingProps) {
  const [draft, setDraft] = useState<Draft>({ value: desired });
  const [trouble, setTrouble] = useState<string>();
  const id = useId();
  const set = async (event: Event) => {
    event.preventDefault();
    const why = draft.problem ?? (draft.value === undefined ? "needs a value" : misfit(property.schema, draft.value));
    setTrouble(why && `${property.title} ${why}.`);
    if (why || draft.value === undefined) return;
    try {
      await setDesired(device, property.component, property.name, draft.value);
      onChange();
    } catch (problem) {
      setTrouble(inWords(problem));
    }
  };
  return (
    <form onSubmit={(event) => void set(event)} noValidate>
      <label for={id}>Set to{property.unit ? `, in ${property.unit}` : ""}</label>
      <div class="row">
        <SchemaInput id={id} schema={property.schema} initial={desired} onDraft={setDraft} />
        <button type="submit" class="primary">Set</button>
      </div>
      <p class="invalid" role="alert">{trouble}</p>
    </form>
  );
}

function Outcome({ acknowledgment, connected }: { acknowledgment: Acknowledgment | undefined; connected: boolean }) {
  if (!acknowledgment) return null;
  if (acknowledgment.state === "pending") {
    return (
      <p class="outcome" role="status">
        <Chip tone="wait">Pending · v{acknowledgment.version}</Chip>
        {!connected && <span class="faint">The device is told when it connects.</span>}
      </p>
    );
  }
  const { state, version, code, took, why } = acknowledgment;
  const parts = [`v${version}`, code, took === undefined ? undefined : span(took)];
  return (
    <p class="outcome" role="status">
      <Chip tone={state === "accepted" ? "good" : "bad"}>
        {state === "accepted" ? "Accepted" : "Rejected"} {parts.filter((part) => part !== undefined).join(" · ")}
      </Chip>
      {why && <span class="faint">{why}</span>}
    </p>
  );
}
