import { useState } from "preact/hooks";
import { asObject, type Json } from "../json.ts";
import type { Field, Schema } from "../model/schema.ts";
import { DateTimeInput } from "./DateTimeInput.tsx";

/** Value of an input, or the reason why it is invalid. */
export type InputDraft = { value: Json | undefined; error?: string };

export interface InputProps {
  /** Id of the input element, for its label. */
  id: string;
  schema: Schema;
  /** Initial value. */
  initial?: Json | undefined;
  onChange: (draft: InputDraft) => void;
}

/** Input for a value of a schema. */
export function SchemaInput(props: InputProps) {
  switch (props.schema.kind) {
    case "boolean":
      return (
        <ChoiceInput
          {...props}
          choices={[true, false].map((value) => ({ title: String(value), value }))}
        />
      );
    case "enum":
      return <ChoiceInput {...props} choices={props.schema.values} />;
    case "double":
    case "float":
    case "integer":
    case "long":
      return (
        <NumberInput
          {...props}
          isInteger={props.schema.kind === "integer" || props.schema.kind === "long"}
        />
      );
    case "dateTime":
      return <DateTimeInput {...props} />;
    case "object":
      return <ObjectInput {...props} fields={props.schema.fields} />;
    case "any":
    case "array":
    case "map":
      return <JsonInput {...props} />;
    default:
      return <TextInput {...props} kind={props.schema.kind} />;
  }
}

/** Decimal notation; `Number` also accepts other forms, such as 0x10. */
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

function NumberInput({ id, initial, onChange, isInteger }: InputProps & { isInteger: boolean }) {
  const read = (text: string): InputDraft => {
    if (text === "") return { value: undefined };
    const value = DECIMAL.test(text) ? Number(text) : Number.NaN;
    const fits = Number.isFinite(value) && (!isInteger || Number.isInteger(value));
    return fits
      ? { value }
      : {
          value: undefined,
          error: isInteger ? "must be an integer, such as 42" : "must be a number, such as 23.5",
        };
  };
  return (
    <input
      id={id}
      inputMode={isInteger ? "numeric" : "decimal"}
      autoComplete="off"
      defaultValue={typeof initial === "number" ? String(initial) : ""}
      onInput={(event) => onChange(read(event.currentTarget.value.trim()))}
    />
  );
}

/** Placeholders of string formats. */
const PLACEHOLDERS = { string: "", date: "2026-01-31", time: "08:00:00", duration: "PT5M" };

function TextInput({
  id,
  initial,
  onChange,
  kind,
}: InputProps & { kind: keyof typeof PLACEHOLDERS }) {
  return (
    <input
      id={id}
      autoComplete="off"
      placeholder={PLACEHOLDERS[kind]}
      defaultValue={typeof initial === "string" ? initial : ""}
      onInput={(event) => onChange({ value: event.currentTarget.value })}
    />
  );
}

function ChoiceInput({
  id,
  initial,
  onChange,
  choices,
}: InputProps & { choices: { title: string; value: Json }[] }) {
  const selected = choices.findIndex((choice) => choice.value === initial);
  return (
    <select
      id={id}
      onChange={(event) => onChange({ value: choices[Number(event.currentTarget.value)]?.value })}
    >
      {selected < 0 && <option value="-1">Select…</option>}
      {choices.map((choice, index) => (
        <option key={index} value={index} selected={index === selected}>
          {choice.title}
        </option>
      ))}
    </select>
  );
}

function ObjectInput({ id, initial, onChange, fields }: InputProps & { fields: Field[] }) {
  const [drafts, setDrafts] = useState<Record<string, InputDraft>>({});
  const given = asObject(initial) ?? {};
  const update = (name: string, draft: InputDraft) => {
    const all = { ...drafts, [name]: draft };
    setDrafts(all);
    onChange(mergeDrafts(given, all));
  };
  return (
    <fieldset>
      {fields.map((field) => (
        <div class="field" key={field.name}>
          <label for={`${id}-${field.name}`}>{field.title}</label>
          <SchemaInput
            id={`${id}-${field.name}`}
            schema={field.schema}
            initial={given[field.name]}
            onChange={(draft) => update(field.name, draft)}
          />
        </div>
      ))}
    </fieldset>
  );
}

function mergeDrafts(
  given: { [name: string]: Json },
  drafts: Record<string, InputDraft>,
): InputDraft {
  const value = { ...given };
  for (const [name, draft] of Object.entries(drafts)) {
    if (draft.error) return { value: undefined, error: `${name} ${draft.error}` };
    if (draft.value === undefined) delete value[name];
    else value[name] = draft.value;
  }
  return { value };
}

function JsonInput({ id, initial, onChange }: InputProps) {
  const read = (text: string): InputDraft => {
    if (text.trim() === "") return { value: undefined };
    try {
      return { value: JSON.parse(text) as Json };
    } catch {
      return { value: undefined, error: "must be valid JSON; strings need double quotes" };
    }
  };
  return (
    <textarea
      id={id}
      rows={3}
      spellcheck={false}
      placeholder="JSON"
      defaultValue={initial === undefined ? "" : JSON.stringify(initial, null, 2)}
      onInput={(event) => onChange(read(event.currentTarget.value))}
    />
  );
}
