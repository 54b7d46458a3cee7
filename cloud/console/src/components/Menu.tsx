import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

interface Props {
  label: string;
  button: ComponentChildren;
  children: ComponentChildren;
}

/** Menu button; Escape, a choice or a click outside closes the menu. */
export function Menu({ label, button, children }: Props) {
  const [open, setOpen] = useState(false);
  const menu = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    const closeIfOutside = (event: Event) => {
      if (!menu.current?.contains(event.target as Node)) setOpen(false);
    };
    addEventListener("pointerdown", closeIfOutside);
    addEventListener("focusin", closeIfOutside);
    return () => {
      removeEventListener("pointerdown", closeIfOutside);
      removeEventListener("focusin", closeIfOutside);
    };
  }, [open]);
  const closeOnEscape = (event: KeyboardEvent) => {
    if (event.key === "Escape") setOpen(false);
  };
  return (
    <div class="menu" ref={menu} onKeyDown={closeOnEscape}>
      <button
        type="button"
        class="subtle small"
        aria-label={label}
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        {button}
      </button>
      {open && (
        <div class="items" onClick={() => setOpen(false)}>
          {children}
        </div>
      )}
    </div>
  );
}
