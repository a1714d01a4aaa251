// Lays the tiles out in the room that there is.

import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import { cameraAspects, grid, screenAspects, stage, type Box, type Grid } from "../../../shared/layout.ts";
import { useSize } from "../../../shared/views/hooks.ts";
import { Tile } from "./tile.tsx";
import type { TileModel } from "./tiles.ts";

const kNowhere: Box = { x: 0, y: 0, width: 0, height: 0 };

function Tiles({ tiles, layout }: { tiles: TileModel[]; layout: Grid }): VNode {
  return (
    <div class="tiles" style={{ height: `${layout.height}px` }}>
      {tiles.map((tile, at) => <Tile key={tile.key} tile={tile} box={layout.boxes[at] ?? kNowhere} />)}
    </div>
  );
}

// Tiles of one fixed size in a row or column that scrolls when it is full.
function strip(box: Box, count: number, direction: "column" | "row", gap: number): Grid {
  const height = direction === "row" ? box.height : Math.round((box.width * 9) / 16);
  const width = direction === "row" ? Math.min(Math.round((box.height * 4) / 3), box.width) : box.width;
  const total = direction === "row" ? count * (width + gap) - gap : count * (height + gap) - gap;
  const start = Math.max(0, Math.floor(((direction === "row" ? box.width : box.height) - total) / 2));
  const boxes = Array.from({ length: count }, (_, at) => direction === "row"
    ? { x: start + at * (width + gap), y: 0, width, height }
    : { x: 0, y: start + at * (height + gap), width, height });
  return { columns: 1, rows: count, boxes, height: direction === "row" ? height : Math.max(total, height), scrolls: true };
}

export function Stage({ people, screens }: { people: TileModel[]; screens: TileModel[] }): VNode {
  const area = useRef<HTMLDivElement>(null);
  const size = useSize(area);
  const gap = size.width < 600 ? 6 : 10;
  const options = { gap, minWidth: size.width < 600 ? 110 : 160 };
  if (screens.length === 0) {
    const layout = grid(size, people.length, { ...options, aspects: cameraAspects(size) });
    return (
      <section class={`stage ${layout.scrolls ? "scrolls" : ""}`} ref={area} aria-label="Participants' video">
        <Tiles tiles={people} layout={layout} />
      </section>
    );
  }
  const parts = stage(size, gap);
  const main = grid(parts.main, screens.length, { ...options, aspects: screenAspects(parts.main, screens.length) });
  const side = strip(parts.strip, people.length, parts.stripDirection, gap);
  const place = (box: Box): Record<string, string> =>
    ({ left: `${box.x}px`, top: `${box.y}px`, width: `${box.width}px`, height: `${box.height}px` });
  return (
    <section class="stage with-screen" ref={area} aria-label="Shared screen and participants' video">
      <div class="stage-part" style={place(parts.main)}><Tiles tiles={screens} layout={main} /></div>
      <div class={`stage-part strip ${parts.stripDirection}`} style={place(parts.strip)}><Tiles tiles={people} layout={side} /></div>
    </section>
  );
}
