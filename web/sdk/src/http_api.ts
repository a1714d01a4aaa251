// What a page that is signed in asks of the server by HTTP.

import { type Access, type Place, problemText } from "./bootstrap.ts";
import { WebphoneError } from "./types.ts";

export async function askServer(place: Place, access: Access, method: "GET" | "POST", path: string, body?: object): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(`${place.http}/api/webphone/${path}`, {
      method, mode: "cors", credentials: "omit", cache: "no-store",
      headers: {
        Authorization: `Bearer ${access.number}.${access.bearer}`,
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch {
    throw new WebphoneError("connection-lost", `${place.http} could not be reached.`);
  }
  if (!response.ok) throw new WebphoneError("refused", await problemText(response), response.status);
  return response.status === 204 ? null : response.json();
}
