import { useState } from "preact/hooks";
import type { Named } from "../cloud/faults.ts";
import type { JsonObject } from "../json.ts";
import { Chip } from "../part/Chip.tsx";
import type { KitFault, Setting } from "./kit.ts";

interface Props {
  fault: KitFault;
  isOn: boolean;
  /** Whether it can be for whom it is asked for. */
  isPossible: boolean;
  onBegin: (fault: Named) => void;
}

/** A fault with its settings, to begin it. */
export function FaultRow({ fault, isOn, isPossible, onBegin }: Props) {
  const [told, setTold] = useState<Record<string, string | boolean>>({});
  const begin = (event: Event) => {
    event.preventDefault();
    onBegin(named(fault, told));
  };
  return (
    <form class="fault" onSubmit={begin}>
      <div class="what">
        <code>{fault.name}</code> {isOn && <Chip tone="bad">On</Chip>}
        <p class="faint">{fault.what}</p>
        {fault.settings.length > 0 && isPossible && (
          <div class="settings">
            {fault.settings.map((setting) => (
              <SettingInput
                key={setting.name}
                setting={setting}
                id={`${fault.name}-${setting.name}`}
                onTold={(value) => setTold({ ...told, [setting.name]: value })}
              />
            ))}
          </div>
        )}
      </div>
      <button
        type="submit"
        disabled={!isPossible}
        title={isPossible ? undefined : "It comes before a connection says whose it is: for all devices only"}
        aria-label={`${isOn ? "Begin again" : "Begin"} ${fault.name}`}
      >
        {isOn ? "Again" : "Begin"}
      </button>
    </form>
  );
}

function SettingInput({ setting, id, onTold }: { setting: Setting; id: string; onTold: (value: string | boolean) => void }) {
  if (setting.kind === "check") {
    return (
      <label class="check">
        <input type="checkbox" onChange={(event) => onTold(event.currentTarget.checked)} /> {setting.title}
      </label>
    );
  }
  return (
    <div class="setting">
      <label for={id}>{setting.title}</label>
      {setting.kind === "choice"
        ? (
          <select id={id} onChange={(event) => onTold(event.currentTarget.value)}>
            {setting.choices.map((choice) => <option key={choice}>{choice}</option>)}
          </select>
        )
        : (
          <input
            id={id}
            autoComplete="off"
            inputMode={setting.kind === "number" ? "numeric" : "text"}
            defaultValue={setting.initial ?? ""}
            onInput={(event) => onTold(event.currentTarget.value.trim())}
          />
        )}
    </div>
  );
}

/** A fault without settings is told by its name alone. */
function named(fault: KitFault, told: Record<string, string | boolean>): Named {
  if (fault.settings.length === 0) return fault.name;
  const settings: JsonObject = {};
  for (const setting of fault.settings) {
    const value = told[setting.name] ?? ("initial" in setting ? setting.initial : undefined);
    if (value === undefined || value === "") continue;
    settings[setting.name] = setting.kind === "number" ? Number(value) : value;
  }
  return { [fault.name]: settings };
}
