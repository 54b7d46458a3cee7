import { formatValue } from "../format.ts";
import type { Json } from "../json.ts";

/** Longest text shown in the large font. */
const MAX_LARGE = 14;

/** Value with its unit. */
export function Value({
  value,
  unit,
  decimalPlaces,
}: {
  value: Json | undefined;
  unit: string | undefined;
  decimalPlaces?: number | undefined;
}) {
  if (value === undefined || value === null) return <span class="metric">–</span>;
  const text = formatValue(value, decimalPlaces);
  return (
    <span class={text.length > MAX_LARGE ? "metric long" : "metric"}>
      {text}
      {unit && <small>{unit}</small>}
    </span>
  );
}
