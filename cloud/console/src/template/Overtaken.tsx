import type { Editing } from "./editing.ts";

/** Says that somebody else has changed the template, and offers both ways on. */
export function Overtaken({ editing }: { editing: Editing }) {
  if (!editing.isOvertaken.value) return null;
  return (
    <section class="notice overtaken" role="alert">
      <div>
        <h2>Somebody else has changed this template meanwhile</h2>
        <p>What you have arranged is still on this page, but it is not saved, and not published.</p>
      </div>
      <div class="bar">
        <button type="button" disabled={editing.isBusy.value} onClick={() => void editing.yield()}>Show theirs, and drop mine</button>
        <button type="button" disabled={editing.isBusy.value} onClick={() => void editing.overwrite()}>Save mine over theirs</button>
      </div>
    </section>
  );
}
