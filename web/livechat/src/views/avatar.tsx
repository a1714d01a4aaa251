// A coloured disc with one or two letters, the same for one name everywhere.

import type { VNode } from "preact";
import { hueOf, initials } from "../../../shared/text.ts";
import { PeopleIcon } from "../../../shared/views/icons.tsx";

interface Props { name: string; size?: number; online?: boolean | null; room?: boolean }

export function Avatar({ name, size = 40, online = null, room = false }: Props): VNode {
  return (
    <span class={`face ${room ? "room-face" : ""}`} aria-hidden="true">
      <span class="avatar" style={{ "--hue": hueOf(name), "--size": `${size}px` }}>{room ? <PeopleIcon size={size * 0.55} /> : initials(name)}</span>
      {online !== null && <i class={`presence ${online ? "here" : ""}`} />}
    </span>
  );
}
