interface Props {
  /** Offset of the first item shown. */
  from: number;
  /** Items per page. */
  size: number;
  /** Number of items. */
  total: number;
  onFrom: (from: number) => void;
}

/** Previous and next buttons of a paged list. */
export function Pager({ from, size, total, onFrom }: Props) {
  const number = (value: number) => value.toLocaleString("en");
  const to = Math.min(from + size, total);
  return (
    <nav class="pager" aria-label="Pages">
      <PageButton title="Previous" isEnabled={from > 0} onPress={() => onFrom(from - size)} />
      <span class="muted" role="status">
        {total > 0 ? `${number(from + 1)}–${number(to)} of ${number(total)}` : "None"}
      </span>
      <PageButton title="Next" isEnabled={to < total} onPress={() => onFrom(from + size)} />
    </nav>
  );
}

/** Pager button; not disabled at the end of the list, so that it keeps the focus. */
function PageButton({
  title,
  isEnabled,
  onPress,
}: {
  title: string;
  isEnabled: boolean;
  onPress: () => void;
}) {
  return (
    <button
      type="button"
      class="small"
      aria-disabled={!isEnabled}
      onClick={() => isEnabled && onPress()}
    >
      {title}
    </button>
  );
}
