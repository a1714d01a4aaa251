// Where the tiles of a conference go: pure arithmetic, in CSS pixels.

export interface Size { width: number; height: number }
export interface Box { x: number; y: number; width: number; height: number }
export interface Grid { columns: number; rows: number; boxes: Box[]; height: number; scrolls: boolean }
export interface GridOptions { gap: number; minWidth: number; aspects: readonly Aspect[] }
export interface Aspect { ratio: number; weight: number }

// A camera's picture is wide. A squarer tile cuts its sides off, so it has to win by more than a little before it is
// taken, on a tall screen by less.
const kWideAspects: readonly Aspect[] = [
  { ratio: 16 / 9, weight: 1 }, { ratio: 4 / 3, weight: 0.95 }, { ratio: 1, weight: 0.7 }, { ratio: 3 / 4, weight: 0.5 },
];
const kTallAspects: readonly Aspect[] = [
  { ratio: 16 / 9, weight: 1 }, { ratio: 4 / 3, weight: 0.97 }, { ratio: 1, weight: 1 }, { ratio: 3 / 4, weight: 0.9 },
];

export function cameraAspects(area: Size): readonly Aspect[] {
  return area.height > area.width ? kTallAspects : kWideAspects;
}

// One screen gets all there is (its picture is never cut); several share it as wide tiles.
export function screenAspects(area: Size, count: number): readonly Aspect[] {
  return [{ ratio: count === 1 && area.height > 0 ? area.width / area.height : 16 / 9, weight: 1 }];
}


interface Candidate { columns: number; rows: number; width: number; height: number; score: number }

function fit(area: Size, count: number, columns: number, aspect: Aspect, gap: number): Candidate {
  const rows = Math.ceil(count / columns);
  let width = (area.width - gap * (columns - 1)) / columns;
  let height = width / aspect.ratio;
  const room = (area.height - gap * (rows - 1)) / rows;
  if (height > room) {
    height = room;
    width = height * aspect.ratio;
  }
  return { columns, rows, width, height, score: Math.max(0, width) * Math.max(0, height) * aspect.weight };
}

function place(area: Size, count: number, best: Candidate, gap: number): Box[] {
  const boxes: Box[] = [];
  const width = Math.floor(best.width);
  const height = Math.floor(best.height);
  const used = best.rows * height + gap * (best.rows - 1);
  const top = Math.max(0, Math.floor((area.height - used) / 2));
  for (let row = 0; row < best.rows; row++) {
    const first = row * best.columns;
    const inRow = Math.min(best.columns, count - first);
    const left = Math.max(0, Math.floor((area.width - inRow * width - gap * (inRow - 1)) / 2));
    for (let column = 0; column < inRow; column++) {
      boxes.push({ x: left + column * (width + gap), y: top + row * (height + gap), width, height });
    }
  }
  return boxes;
}

// The largest equal tiles that fit; past the point where they would be narrower than minWidth the grid scrolls.
export function grid(area: Size, count: number, options: GridOptions): Grid {
  const { gap, minWidth, aspects } = options;
  if (count <= 0 || area.width <= 0 || area.height <= 0) {
    return { columns: 0, rows: 0, boxes: [], height: 0, scrolls: false };
  }
  let best: Candidate | null = null;
  for (const aspect of aspects) {
    for (let columns = 1; columns <= count; columns++) {
      const candidate = fit(area, count, columns, aspect, gap);
      if (best === null || candidate.score > best.score) best = candidate;
    }
  }
  if (best === null || best.width >= Math.min(minWidth, area.width)) {
    const chosen = best as Candidate;
    return { columns: chosen.columns, rows: chosen.rows, boxes: place(area, count, chosen, gap), height: area.height,
             scrolls: false };
  }
  const columns = Math.max(1, Math.min(count, Math.floor((area.width + gap) / (minWidth + gap))));
  const rows = Math.ceil(count / columns);
  const width = (area.width - gap * (columns - 1)) / columns;
  const height = width / (aspects[0]?.ratio ?? 1);
  const total = Math.max(area.height, Math.ceil(rows * height + gap * (rows - 1)));
  const scrolled: Candidate = { columns, rows, width, height, score: 0 };
  return { columns, rows, boxes: place({ width: area.width, height: total }, count, scrolled, gap), height: total,
           scrolls: total > area.height };
}

export interface Stage { main: Box; strip: Box; stripDirection: "column" | "row" }

// With a shared screen: the screen takes the main part, people a strip beside it (wide) or below it (tall).
export function stage(area: Size, gap: number): Stage {
  if (area.width > area.height * 1.15) {
    const width = Math.round(Math.min(320, Math.max(140, area.width * 0.2)));
    return {
      main: { x: 0, y: 0, width: area.width - width - gap, height: area.height },
      strip: { x: area.width - width, y: 0, width, height: area.height },
      stripDirection: "column",
    };
  }
  const height = Math.round(Math.min(200, Math.max(96, area.height * 0.2)));
  return {
    main: { x: 0, y: 0, width: area.width, height: area.height - height - gap },
    strip: { x: 0, y: area.height - height, width: area.width, height },
    stripDirection: "row",
  };
}
