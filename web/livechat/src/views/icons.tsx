// Icons of this page alone.

import { icon } from "../../../shared/views/icons.tsx";

export const BackIcon = icon(<path d="M14.5 5.5 8 12l6.5 6.5" />);
export const BellIcon = icon(<path d="M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 2h-15zM10 21h4" />);
export const BellOffIcon = icon(<path d="M18 13.5V11a6 6 0 0 0-9.3-5M6.3 9.2A6 6 0 0 0 6 11v5.5l-1.5 2H17M10 21h4M4 3.5l16 17" />);
export const DoorIcon = icon(<path d="M13.5 4H6.8A1.8 1.8 0 0 0 5 5.8v12.4A1.8 1.8 0 0 0 6.8 20h6.7M10.5 12H20M16.5 8.5 20 12l-3.5 3.5" />);
export const SearchIcon = icon(
  <>
    <circle cx="10.5" cy="10.5" r="6" />
    <path d="m15 15 5 5" />
  </>,
);
export const SlidersIcon = icon(
  <>
    <path d="M4 7h9M19 7h1M4 17h1M11 17h9" />
    <circle cx="16" cy="7" r="2.6" />
    <circle cx="8" cy="17" r="2.6" />
  </>,
);
export const PhoneIcon = icon(
  <path d="M6.2 3.8 8.6 3.4a1.4 1.4 0 0 1 1.5.8l1.2 2.9a1.4 1.4 0 0 1-.4 1.6L9.4 10a12 12 0 0 0 4.6 4.6l1.3-1.5a1.4 1.4 0 0 1 1.6-.4l2.9 1.2a1.4 1.4 0 0 1 .8 1.5l-.4 2.4a2 2 0 0 1-2 1.7A15.5 15.5 0 0 1 4.5 5.8a2 2 0 0 1 1.7-2z" />,
);
export const PauseIcon = icon(<path d="M8.5 5.5v13M15.5 5.5v13" />);
