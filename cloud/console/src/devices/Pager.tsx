interface Props {
  /** The first that is shown, counted from 0. */
  from: number;
  /** How many are shown at a time. */
  size: number;
  /** How many there are. */
  total: number;
  onFrom: (from: number) => void;
}

/** Leads through a list that is shown a part at a time. */
export function Pager({ from, size, total, onFrom }: Props) {
  const number = (value: number) => value.toLocaleString("en");
  const to = Math.min(from + size, total);
  return (
    <nav class="pager" aria-label="Parts of the list">
      <Turn title="Previous" isThere={from > 0} onTurn={() => onFrom(from - size)} />
      <span class="faint" role="status">{total > 0 ? `${number(from + 1)}–${number(to)} of ${number(total)}` : "None"}</span>
      <Turn title="Next" isThere={to < total} onTurn={() => onFrom(from + size)} />
    </nav>
  );
}

/** One that leads nowhere is not disabled: it would throw whoever has just pressed it out of the list. */
function Turn({ title, isThere, onTurn }: { title: string; isThere: boolean; onTurn: () => void }) {
  return (
    <button type="button" class="small" aria-disabled={!isThere} onClick={() => isThere && onTurn()}>{title}</button>
  );
}
