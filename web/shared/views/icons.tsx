// Icons, drawn for this page. They say nothing to a screen reader: the button around one has a label.

import type { ComponentChildren, VNode } from "preact";

export interface IconProps { size?: number }
export type Icon = (props: IconProps) => VNode;

export function icon(children: ComponentChildren): Icon {
  return ({ size = 22 }) => (
    <svg class="icon" width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8"
         stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">
      {children}
    </svg>
  );
}

const mic = (
  <>
    <rect x="9" y="3" width="6" height="11" rx="3" />
    <path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3M8.5 21h7" />
  </>
);
const camera = (
  <>
    <rect x="2.5" y="6" width="12.5" height="12" rx="2.5" />
    <path d="m15 10.5 5.2-3.1a.5.5 0 0 1 .8.4v8.4a.5.5 0 0 1-.8.4L15 13.5" />
  </>
);

export const MicIcon = icon(mic);
export const MicOffIcon = icon(
  <>
    <path d="M9 9v2a3 3 0 0 0 4.7 2.5M15 10.5V6a3 3 0 0 0-5.7-1.3M5.5 11.5a6.5 6.5 0 0 0 9.9 5.5M18.5 11.5a6.4 6.4 0 0 1-.8 3.1" />
    <path d="M12 18v3M8.5 21h7M4 3.5l16 17" />
  </>,
);
export const CameraIcon = icon(camera);
export const CameraOffIcon = icon(
  <>
    <path d="M9.5 6h3A2.5 2.5 0 0 1 15 8.5v2l5.2-3.1a.5.5 0 0 1 .8.4v8.4a.5.5 0 0 1-.6.5" />
    <path d="M15 15.6A2.5 2.5 0 0 1 12.5 18H5a2.5 2.5 0 0 1-2.5-2.5v-7A2.5 2.5 0 0 1 5 6M3.5 3.5l17 17" />
  </>,
);
export const ScreenIcon = icon(
  <>
    <rect x="2.5" y="4" width="19" height="13" rx="2.5" />
    <path d="M8.5 20.5h7M12 14V8M9.3 10.5 12 7.8l2.7 2.7" />
  </>,
);
export const ScreenStopIcon = icon(
  <>
    <rect x="2.5" y="4" width="19" height="13" rx="2.5" />
    <path d="M8.5 20.5h7M9.7 8.2l4.6 4.6M14.3 8.2l-4.6 4.6" />
  </>,
);
export const HandIcon = icon(
  <path d="M7 12.5V6.8a1.4 1.4 0 0 1 2.8 0V11M9.8 10.5V4.9a1.4 1.4 0 0 1 2.8 0v5.6M12.6 10.5V5.8a1.4 1.4 0 0 1 2.8 0v5.2M15.4 11.5V8.3a1.4 1.4 0 0 1 2.8 0v5.7a7 7 0 0 1-7 7h-.4a6 6 0 0 1-4.7-2.3l-3.4-4.4a1.5 1.5 0 0 1 2.3-1.9L7 14.6" />,
);
export const ChatIcon = icon(
  <path d="M5.5 4h13A2.5 2.5 0 0 1 21 6.5v8a2.5 2.5 0 0 1-2.5 2.5H12l-5 4v-4H5.5A2.5 2.5 0 0 1 3 14.5v-8A2.5 2.5 0 0 1 5.5 4zM8 9h8M8 12.5h5" />,
);
export const PeopleIcon = icon(
  <>
    <circle cx="9" cy="8" r="3.5" />
    <path d="M2.5 20a6.5 6.5 0 0 1 13 0M16 4.8a3.5 3.5 0 0 1 0 6.5M18 14.3a6.5 6.5 0 0 1 3.5 5.7" />
  </>,
);
export const LeaveIcon = icon(
  <path d="M12 8.5c-3.4 0-6.5.9-8.7 2.5a2 2 0 0 0-.7 2.3l.5 1.5a1.5 1.5 0 0 0 1.9 1l2.6-.9a1.5 1.5 0 0 0 1-1.3l.1-1.6a11.5 11.5 0 0 1 6.6 0l.1 1.6a1.5 1.5 0 0 0 1 1.3l2.6.9a1.5 1.5 0 0 0 1.9-1l.5-1.5a2 2 0 0 0-.7-2.3c-2.2-1.6-5.3-2.5-8.7-2.5z" />,
);
export const LinkIcon = icon(
  <path d="M10 14a4.5 4.5 0 0 0 6.4 0l3-3A4.5 4.5 0 0 0 13 4.6l-1 1M14 10a4.5 4.5 0 0 0-6.4 0l-3 3A4.5 4.5 0 0 0 11 19.4l1-1" />,
);
export const CheckIcon = icon(<path d="m5 12.5 4.5 4.5L19 7.5" />);
export const CloseIcon = icon(<path d="M6 6l12 12M18 6 6 18" />);
export const SendIcon = icon(<path d="M4.5 12 3.2 5.3a.7.7 0 0 1 1-.8l16.3 6.9a.7.7 0 0 1 0 1.3L4.2 19.5a.7.7 0 0 1-1-.8zM4.5 12H12" />);
export const AlertIcon = icon(<path d="M12 8.5v4.5M12 16.5v.1M10.3 4.3 2.7 17.5a2 2 0 0 0 1.7 3h15.2a2 2 0 0 0 1.7-3L13.7 4.3a2 2 0 0 0-3.4 0z" />);
export const HelpIcon = icon(
  <>
    <circle cx="12" cy="12" r="9" />
    <path d="M9.5 9.5a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1.9-1.1 1.8M12 16.7v.1" />
  </>,
);
export const SpeakerIcon = icon(<path d="M4 9.5h3.5L12 5.5v13l-4.5-4H4zM15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a7.7 7.7 0 0 1 0 11" />);

export function Logo({ size = 36 }: IconProps): VNode {
  return (
    <svg width={size} height={size} viewBox="0 0 64 64" aria-hidden="true" focusable="false" class="logo">
      <rect width="64" height="64" rx="16" />
      <path d="M18 17h28a6 6 0 0 1 6 6v16a6 6 0 0 1-6 6H32L21 54v-9h-3a6 6 0 0 1-6-6V23a6 6 0 0 1 6-6z" />
      <g><rect x="22" y="27" width="4" height="8" rx="2" /><rect x="30" y="23" width="4" height="16" rx="2" />
        <rect x="38" y="27" width="4" height="8" rx="2" /></g>
    </svg>
  );
}

export function Bars({ grade }: { grade: "good" | "fair" | "poor" }): VNode {
  const lit = grade === "good" ? 3 : grade === "fair" ? 2 : 1;
  return (
    <svg width="18" height="18" viewBox="0 0 18 18" aria-hidden="true" focusable="false" class={`bars ${grade}`}>
      {[0, 1, 2].map((bar) => (
        <rect key={bar} x={2 + bar * 5} y={11 - bar * 4} width="3.5" height={5 + bar * 4} rx="1.2"
              class={bar < lit ? "lit" : "dim"} />
      ))}
    </svg>
  );
}
