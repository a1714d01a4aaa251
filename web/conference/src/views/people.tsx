// Who is here.

import type { VNode } from "preact";
import { hueOf, initials } from "../../../shared/text.ts";
import { forDisplay, type Roster } from "../../../shared/roster.ts";
import { CloseIcon, HandIcon, MicIcon, MicOffIcon } from "../../../shared/views/icons.tsx";

export function People({ roster, onClose }: { roster: Roster; onClose(): void }): VNode {
  return (
    <aside class="panel people" aria-label="People">
      <header class="panel-head">
        <h2>People <span class="count">{roster.length}</span></h2>
        <button type="button" class="icon-button" aria-label="Close people" title="Close (Esc)" onClick={onClose}><CloseIcon size={20} /></button>
      </header>
      <ul class="roster" data-testid="roster">
        {forDisplay(roster).map((each) => (
          <li key={each.id} class={each.talking && !each.muted ? "talking" : ""} data-testid="roster-entry" data-participant={each.id}
              data-muted={each.muted} data-hand={each.hand}>
            <span class="avatar" aria-hidden="true" style={{ "--hue": hueOf(each.name), "--size": "34px" }}>{initials(each.name)}</span>
            <span class="roster-name"><bdi>{each.name}</bdi>{each.self && <span class="you">you</span>}{each.admin && <span class="you">host</span>}</span>
            {each.hand && <span class="roster-mark hand" role="img" aria-label="hand raised" title="Hand raised"><HandIcon size={18} /></span>}
            <span class={`roster-mark ${each.muted ? "muted" : ""}`} role="img" aria-label={each.muted ? "muted" : "microphone on"}
                  title={each.muted ? "Muted" : "Microphone on"}>
              {each.muted ? <MicOffIcon size={18} /> : <MicIcon size={18} />}
            </span>
          </li>
        ))}
      </ul>
    </aside>
  );
}
