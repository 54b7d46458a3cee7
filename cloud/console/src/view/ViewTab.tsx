import type { View } from "../api/templates.ts";
import type { Query } from "../components/hooks.ts";
import { EmptyState, ErrorMessage, Skeleton } from "../components/States.tsx";
import type { TabProps } from "../device/tab.ts";
import { devicePath } from "../route.ts";
import { TileContent } from "./TileContent.tsx";
import { TileFrame } from "./TileFrame.tsx";

interface Props extends TabProps {
  name: string;
  views: Query<readonly View[] | undefined>;
}

/** View of the published device template, with the values of the device. */
export function ViewTab({ name, views, ...props }: Props) {
  const view = views.data?.find((one) => one.name === name);
  if (views.error) return <ErrorMessage>{views.error}</ErrorMessage>;
  if (!views.data || (view && !props.model)) return <Skeleton lines={4} />;
  if (!view) {
    return (
      <EmptyState title={`View not found: ${name}`}>
        <a href={devicePath(props.device)}>Overview</a>
      </EmptyState>
    );
  }
  if (view.tiles.length === 0) return <EmptyState title="This view has no tiles" />;
  return (
    <div class="view">
      {view.tiles.map((tile, index) => (
        <TileFrame key={index} tile={tile}>
          <TileContent tile={tile} {...props} />
        </TileFrame>
      ))}
    </div>
  );
}
