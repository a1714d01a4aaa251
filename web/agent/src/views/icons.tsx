// Icons of this page alone.

import { icon } from "../../../shared/views/icons.tsx";

export const TransferIcon = icon(<path d="M4 8.5h14M14 4.5 18 8.5l-4 4M20 15.5H6M10 11.5l-4 4 4 4" />);
export const QueueIcon = icon(<path d="M5 6.5h14M5 12h14M5 17.5h8" />);
