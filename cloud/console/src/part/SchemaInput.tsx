import { useState } from "preact/hooks";
import { asObject, type Json } from "../json.ts";
import type { Field, Schema } from "../model/schema.ts";
import { MomentInput } from "./MomentInput.tsx";

/** What an input has been given so far. */
export type Draft = { value: Json | undefined; problem?: string };

export interface InputProps {
  /** Of the input itself, for its label. */
  id: string;
  schema: Schema;
  /** What it begins with. */
  initial?: Json | undefined;
  onDraft: (draft: Draft) => void;
}

/** An input for a value of a schema. */
export function SchemaInput(props: InputProps) {
  switch (props.schema.kind) {
    case "boolean":
      return <ChoiceInput {...props} choices={[true, false].map((value) => ({ title: String(value), value }))} />;
    case "enum":
      return <ChoiceInput {...props} choices={props.schema.values} />;
    case "double":
    case "float":
    case "integer":
    case "long":
      return <NumberInput {...props} whole={props.schema.kind === "integer" || props.schema.kind === "long"} />;
    case "dateTime":
      return <MomentInput {...props} />;
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

/** A number as JSON and people write it; `Number` takes others too, such as 0x10. */
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

function NumberInput({ id, initial, onDraft, whole }: InputProps & { whole: boolean }) {
  const read = (text: string): Draft => {
    if (text === "") return { value: undefined };
    const value = DECIMAL.test(text) ? Number(text) : Number.NaN;
    const fits = Number.isFinite(value) && (!whole || Number.isInteger(value));
    return fits ? { value } : { value: undefined, problem: whole ? "must be a whole number, such as 42" : "must be a number, such as 23.5" };
  };
  return (
    <input
      id={id}
      inputMode={whole ? "numeric" : "decimal"}
      autoComplete="off"
      defaultValue={typeof initial === "number" ? String(initial) : ""}
      onInput={(event) => onDraft(read(event.currentTarget.value.trim()))}
    />
  );
}

/** What texts that are not just any are written like. */
const LIKE = { string: "", date: "2026-01-31", time: "08:00:00", duration: "PT5M" };

function TextInput({ id, initial, onDraft, kind }: InputProps & { kind: keyof typeof LIKE }) {
  return (
    <input
      id={id}
      autoComplete="off"
      placeholder={LIKE[kind]}
      defaultValue={typeof initial === "string" ? initial : ""}
      onInput={(event) => onDraft({ value: event.currentTarget.value })}
    />
  );
}

function ChoiceInput({ id, initial, onDraft, choices }: InputProps & { choices: { title: string; value: Json }[] }) {
  const chosen = choices.findIndex((choice) => choice.value === initial);
  return (
    <select
      id={id}
      onChange={(event) => onDraft({ value: choices[Number(event.currentTarget.value)]?.value })}
    >
      {chosen < 0 && <option value="-1">Choose…</option>}
      {choices.map((choice, index) => (
        <option key={index} value={index} selected={index === chosen}>{choice.title}</option>
      ))}
    </select>
  );
}

function ObjectInput({ id, initial, onDraft, fields }: InputProps & { fields: Field[] }) {
  const [drafts, setDrafts] = useState<Record<string, Draft>>({});
  const given = asObject(initial) ?? {};
  const note = (name: string, draft: Draft) => {
    const all = { ...drafts, [name]: draft };
    setDrafts(all);
    onDraft(together(given, all));
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
            onDraft={(draft) => note(field.name, draft)}
          />
        </div>
      ))}
    </fieldset>
  );
}

function together(given: { [name: string]: Json }, drafts: Record<string, Draft>): Draft {
  const value = { ...given };
  for (const [name, draft] of Object.entries(drafts)) {
    if (draft.problem) return { value: undefined, problem: `${name} ${draft.problem}` };
    if (draft.value === undefined) delete value[name];
    else value[name] = draft.value;
  }
  return { value };
}

function JsonInput({ id, initial, onDraft }: InputProps) {
  const read = (text: string): Draft => {
    if (text.trim() === "") return { value: undefined };
    try {
      return { value: JSON.parse(text) as Json };
    } catch {
      return { value: undefined, problem: "must be JSON: text stands in \"quotes\"" };
    }
  };
  return (
    <textarea
      id={id}
      rows={3}
      spellcheck={false}
      placeholder="JSON"
      defaultValue={initial === undefined ? "" : JSON.stringify(initial, null, 2)}
      onInput={(event) => onDraft(read(event.currentTarget.value))}
    />
  );
}
