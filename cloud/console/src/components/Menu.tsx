import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

interface Props {
  label: string;
  button: ComponentChildren;
  children: ComponentChildren;
}

/** Menu button; Escape, a button in the menu or a click outside closes the menu. */
export function Menu({ label, button, children }: Props) {
  const [open, setOpen] = useState(false);
  const menu = useRef<HTMLDivElement>(null);
  const items = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    const closeIf = (isClosing: boolean) => isClosing && setOpen(false);
    const onLeave = ({ target }: Event) => closeIf(!menu.current?.contains(target as Node));
    const onClick = ({ target }: Event) => {
      const chosen = (target as Element).closest("button");
      closeIf(chosen !== null && items.current?.contains(chosen) === true);
    };
    const onKeyDown = ({ key }: KeyboardEvent) => closeIf(key === "Escape");
    const controller = new AbortController();
    addEventListener("pointerdown", onLeave, controller);
    addEventListener("focusin", onLeave, controller);
    addEventListener("click", onClick, controller);
    addEventListener("keydown", onKeyDown, controller);
    return () => controller.abort();
  }, [open]);
  return (
    <div class="menu" ref={menu}>
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
        <div class="items" ref={items}>
          {children}
        </div>
      )}
    </div>
  );
}
