// One person's picture (or initials), or one shared screen.

import type { VNode } from "preact";
import { hueOf, initials } from "../../../shared/text.ts";
import type { Box } from "../../../shared/layout.ts";
import { HandIcon, MicOffIcon, ScreenIcon } from "../../../shared/views/icons.tsx";
import type { TileModel } from "./tiles.ts";
import { Video } from "../../../shared/views/video.tsx";

function describe(tile: TileModel): string {
  if (tile.kind === "screen") return `Screen of ${tile.name}`;
  const parts = [tile.self ? `${tile.name} (you)` : tile.name];
  if (tile.muted) parts.push("muted");
  if (tile.hand) parts.push("hand raised");
  if (tile.stream === null) parts.push("no video");
  return parts.join(", ");
}

export function Tile({ tile, box }: { tile: TileModel; box: Box }): VNode {
  const size = Math.min(box.width, box.height);
  const classes = [
    "tile", tile.kind, tile.talking ? "talking" : "", tile.self ? "own" : "",
    tile.notice !== null ? "noticed" : "", box.width < 200 ? "small" : "",
  ];
  return (
    <div class={classes.filter(Boolean).join(" ")} role="group" aria-label={describe(tile)} data-testid="tile"
         data-participant={tile.participant} data-kind={tile.kind} data-self={tile.self} data-talking={tile.talking}
         data-muted={tile.muted} data-video={tile.stream !== null}
         style={{ transform: `translate(${box.x}px, ${box.y}px)`, width: `${box.width}px`, height: `${box.height}px` }}>
      {tile.stream !== null
        ? <Video stream={tile.stream} mirrored={tile.self && tile.kind === "camera"} label={`Video of ${tile.name}`} />
        : (
          <div class="avatar-wrap">
            <span class="avatar" aria-hidden="true"
                  style={{ "--hue": hueOf(tile.name), "--size": `${Math.max(32, Math.min(240, Math.round(size * 0.4)))}px` }}>
              {initials(tile.name)}
            </span>
            {tile.notice !== null && <p class="tile-notice">{tile.notice}</p>}
          </div>
        )}
      {tile.hand && <span class="tile-hand" title="Hand raised"><HandIcon size={18} /></span>}
      <div class="tile-name">
        {tile.muted && <span class="tile-muted" title="Muted"><MicOffIcon size={16} /></span>}
        {tile.kind === "screen" && <ScreenIcon size={16} />}
        <bdi>{tile.name}</bdi>
        {tile.self && <span class="you">you</span>}
      </div>
    </div>
  );
}
