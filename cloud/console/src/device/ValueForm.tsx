import { useId, useState } from "preact/hooks";
import { errorMessage } from "../components/hooks.ts";
import { type InputDraft, SchemaInput } from "../components/SchemaInput.tsx";
import type { Json } from "../json.ts";
import type { Property } from "../model/interface.ts";
import { describeBounds, valueViolation } from "../model/violation.ts";

interface Props {
  label: string;
  property: Property;
  /** Current value; without one, the form begins with the initial value of the model. */
  current: Json | undefined;
  onSet: (value: Json) => Promise<void>;
}

/** Form for a value of a property. */
export function ValueForm({ label, property, current, onSet }: Props) {
  const initial = current ?? property.initialValue;
  const [draft, setDraft] = useState<InputDraft>({ value: initial });
  const [error, setError] = useState<string>();
  const id = useId();
  const set = async (event: Event) => {
    event.preventDefault();
    const violation =
      draft.error ??
      (draft.value === undefined ? "is required" : valueViolation(property, draft.value));
    setError(violation && `${property.title} ${violation}.`);
    if (violation || draft.value === undefined) return;
    try {
      await onSet(draft.value);
    } catch (error) {
      setError(errorMessage(error));
    }
  };
  const hints = [property.unit, property.bounds && describeBounds(property.bounds)].filter(Boolean);
  return (
    <form onSubmit={(event) => void set(event)} noValidate>
      <label for={id}>
        {label}
        {hints.length > 0 && ` (${hints.join(", ")})`}
      </label>
      <div class="form-row">
        <SchemaInput id={id} schema={property.schema} initial={initial} onChange={setDraft} />
        <button type="submit" class="primary">
          Set
        </button>
      </div>
      <p class="field-error" role="alert">
        {error}
      </p>
    </form>
  );
}
