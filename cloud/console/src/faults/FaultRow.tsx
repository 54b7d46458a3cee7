import { useState } from "preact/hooks";
import type { Fault } from "../api/faults.ts";
import { Chip } from "../components/Chip.tsx";
import type { JsonObject } from "../json.ts";
import type { FaultDefinition, FaultSetting } from "./faultCatalog.ts";

interface Props {
  fault: FaultDefinition;
  isActive: boolean;
  /** False if the fault cannot be limited to one device. */
  isAvailable: boolean;
  onStart: (fault: Fault) => void;
}

/** Fault with its settings and a start button. */
export function FaultRow({ fault, isActive, isAvailable, onStart }: Props) {
  const [values, setValues] = useState<Record<string, string | boolean>>({});
  const start = (event: Event) => {
    event.preventDefault();
    onStart(toFault(fault, values));
  };
  return (
    <form class="fault" onSubmit={start}>
      <div class="description">
        <code>{fault.name}</code> {isActive && <Chip tone="danger">Active</Chip>}
        <p class="muted">{fault.description}</p>
        {fault.settings.length > 0 && isAvailable && (
          <div class="settings">
            {fault.settings.map((setting) => (
              <SettingInput
                key={setting.name}
                setting={setting}
                id={`${fault.name}-${setting.name}`}
                onChange={(value) => setValues({ ...values, [setting.name]: value })}
              />
            ))}
          </div>
        )}
      </div>
      <button
        type="submit"
        disabled={!isAvailable}
        title={
          isAvailable ? undefined : "Takes effect before CONNECT names the device: all devices only"
        }
        aria-label={`${isActive ? "Restart" : "Start"} ${fault.name}`}
      >
        {isActive ? "Restart" : "Start"}
      </button>
    </form>
  );
}

function SettingInput({
  setting,
  id,
  onChange,
}: {
  setting: FaultSetting;
  id: string;
  onChange: (value: string | boolean) => void;
}) {
  if (setting.kind === "check") {
    return (
      <label class="check">
        <input type="checkbox" onChange={(event) => onChange(event.currentTarget.checked)} />{" "}
        {setting.title}
      </label>
    );
  }
  return (
    <div class="setting">
      <label for={id}>{setting.title}</label>
      {setting.kind === "choice" ? (
        <select id={id} onChange={(event) => onChange(event.currentTarget.value)}>
          {setting.choices.map((choice) => (
            <option key={choice}>{choice}</option>
          ))}
        </select>
      ) : (
        <input
          id={id}
          autoComplete="off"
          inputMode={setting.kind === "number" ? "numeric" : "text"}
          defaultValue={setting.initial ?? ""}
          onInput={(event) => onChange(event.currentTarget.value.trim())}
        />
      )}
    </div>
  );
}

/** Builds the fault; without settings it is its name only. */
function toFault(fault: FaultDefinition, values: Record<string, string | boolean>): Fault {
  if (fault.settings.length === 0) return fault.name;
  const settings: JsonObject = {};
  for (const setting of fault.settings) {
    const value = values[setting.name] ?? ("initial" in setting ? setting.initial : undefined);
    if (value === undefined || value === "") continue;
    settings[setting.name] = setting.kind === "number" ? Number(value) : value;
  }
  return { [fault.name]: settings };
}
