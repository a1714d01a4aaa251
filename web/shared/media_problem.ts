// Why a device can't be used, in words that say what to do.

export function mediaProblem(error: unknown, device: "mic" | "camera"): string {
  const what = device === "mic" ? "microphone" : "camera";
  if (error === null) {
    return `Browsers allow a ${what} only on pages served over https:// or from localhost.`;
  }
  if (error === "ended") return `The ${what} was unplugged or switched off.`;
  const name = error instanceof Error ? error.name : "";
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return `The ${what} is blocked. Allow it by the icon in the address bar, then try again.`;
    case "NotFoundError":
    case "DevicesNotFoundError":
    case "OverconstrainedError":
      return `No ${what} was found.`;
    case "NotReadableError":
    case "TrackStartError":
    case "AbortError":
      return `The ${what} is in use by another program, or can't be started.`;
    default:
      return `The ${what} could not be started.`;
  }
}
