import type { View } from "../cloud/templates.ts";
import type { TabProps } from "../device/DevicePage.tsx";
import { Empty, Skeleton, Trouble } from "../part/State.tsx";
import type { Asked } from "../part/use.ts";
import { deviceAddress } from "../route.ts";
import { TileContent } from "./TileContent.tsx";
import { TileFrame } from "./TileFrame.tsx";

interface Props extends TabProps {
  name: string;
  views: Asked<readonly View[] | undefined>;
}

/** A view of the newest version of the template, with the device's own values. */
export function ViewTab({ name, views, ...props }: Props) {
  const view = views.value?.find((one) => one.name === name);
  if (views.trouble) return <Trouble>{views.trouble}</Trouble>;
  if (!views.value || (view && !props.model)) return <Skeleton lines={4} />;
  if (!view) {
    return (
      <Empty title={`The device's template has no view ${name}.`}>
        <a href={deviceAddress(props.device)}>Overview</a>
      </Empty>
    );
  }
  if (view.tiles.length === 0) return <Empty title="Nothing was put on this view." />;
  return (
    <div class="view">
      {view.tiles.map((tile, index) => (
        <TileFrame key={index} tile={tile}><TileContent tile={tile} {...props} /></TileFrame>
      ))}
    </div>
  );
}
