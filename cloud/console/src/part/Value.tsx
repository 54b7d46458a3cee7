import type { Json } from "../json.ts";
import { short } from "../words.ts";

/** Texts longer than this are written small. */
const LONG = 14;

/** A value that stands for itself, with its unit. */
export function Value({ value, unit }: { value: Json | undefined; unit: string | undefined }) {
  if (value === undefined || value === null) return <span class="big">–</span>;
  const text = short(value);
  return <span class={text.length > LONG ? "big long" : "big"}>{text}{unit && <small>{unit}</small>}</span>;
}
