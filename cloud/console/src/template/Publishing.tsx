import { Chip } from "../part/Chip.tsx";
import { deviceAddress } from "../route.ts";
import type { Editing } from "./editing.ts";

interface Props {
  editing: Editing;
  /** Where the view can be looked at. */
  device: string | undefined;
  view: string | undefined;
}

/** Whether what is on the page is saved and published, and how it gets there. */
export function Publishing({ editing, device, view }: Props) {
  const isBusy = editing.isBusy.value;
  const isSeen = editing.isPublished.value && view !== undefined && device !== undefined;
  return (
    <div class="exports">
      {isSeen && <a href={deviceAddress(device, { view })}>See it on {device}</a>}
      <span role="status"><State editing={editing} /></span>
      <button type="button" disabled={isBusy || editing.isSaved.value} onClick={() => void editing.save()}>Save</button>
      <button type="button" class="primary" disabled={isBusy || editing.isPublished.value} onClick={() => void editing.publish()}>
        Publish
      </button>
    </div>
  );
}

function State({ editing }: { editing: Editing }) {
  const newest = editing.newest.value;
  if (!editing.isSaved.value) return <Chip tone="wait">Not saved</Chip>;
  if (!editing.isPublished.value) return <Chip tone="accent">Saved, not published</Chip>;
  return newest ? <Chip tone="good">Version {newest.version} is published</Chip> : <Chip tone="quiet">Nothing published</Chip>;
}
