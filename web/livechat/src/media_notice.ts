// What the two pages of a chat tell each other beside texts: which devices are on. Others ignore it.

export const kMediaType = "application/vnd.parley.livechat+json";
const kLongest = 1000;

// `asks`: this side was reloaded, and wants to be told the same.
export interface MediaNotice { microphone: boolean; camera: boolean; asks: boolean }

export function mediaNotice(notice: MediaNotice): string {
  return JSON.stringify(notice);
}

export function readMediaNotice(contentType: string, body: string): MediaNotice | null {
  if (contentType !== kMediaType || body.length > kLongest) return null;
  try {
    const data = JSON.parse(body) as Record<string, unknown> | null;
    return typeof data !== "object" || data === null ? null : {
      microphone: data["microphone"] === true, camera: data["camera"] === true, asks: data["asks"] === true,
    };
  } catch {
    return null;
  }
}
