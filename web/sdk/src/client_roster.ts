// The line's other clients, from the bodies of the roster's NOTIFYs. Pure.

import type { RemoteClient } from "./types.ts";

export interface RosterChange { kind: "online" | "offline" | "changed"; client: RemoteClient }
export interface RosterResult { changes: RosterChange[]; gap: boolean }

type Fields = Record<string, unknown>;

function clientOf(value: unknown): RemoteClient | null {
  if (typeof value !== "object" || value === null) return null;
  const data = value as Fields;
  const phoneNumber = data["phoneNumber"];
  if (typeof phoneNumber !== "string" || phoneNumber === "") return null;
  const properties = data["properties"];
  return {
    phoneNumber, displayName: typeof data["displayName"] === "string" ? data["displayName"] : "",
    status: data["status"] === "OFFLINE" ? "OFFLINE" : "ONLINE",
    properties: typeof properties === "object" && properties !== null && !Array.isArray(properties)
      ? { ...(properties as Fields) } : {},
  };
}

export function copyOf(client: RemoteClient): RemoteClient {
  return { ...client, properties: structuredClone(client.properties) };
}

export class ClientRoster {
  private clients_ = new Map<string, RemoteClient>();
  private version_: number | null = null;

  list(): RemoteClient[] {
    return [...this.clients_.values()].map(copyOf);
  }

  // A new subscription counts anew; the clients that are known stay until its full state says otherwise.
  restart(): void {
    this.version_ = null;
  }

  // `gap` is true when a change was missed: the full state must be asked for.
  apply(body: string, self: string): RosterResult {
    let data: Fields;
    try {
      data = JSON.parse(body) as Fields;
    } catch {
      return { changes: [], gap: true };
    }
    const list = (Array.isArray(data["clients"]) ? data["clients"] : []).map(clientOf)
      .filter((each): each is RemoteClient => each !== null && each.phoneNumber !== self);
    const version = typeof data["version"] === "number" ? data["version"] : null;
    const full = data["full"] === true;
    // A change may stand for several versions, for a page that was slow; it says from which on.
    const since = typeof data["since"] === "number" ? data["since"] : version === null ? null : version - 1;
    if (!full && (this.version_ === null || (since !== null && since > this.version_))) return { changes: [], gap: true };
    if (!full && version !== null && this.version_ !== null && version <= this.version_) return { changes: [], gap: false };
    this.version_ = version ?? (this.version_ ?? 0) + 1;
    const changes: RosterChange[] = [];
    if (full) {
      const here = new Set(list.filter((each) => each.status === "ONLINE").map((each) => each.phoneNumber));
      for (const known of [...this.clients_.values()]) if (!here.has(known.phoneNumber)) this.leave(known, changes);
    }
    for (const client of list) {
      if (client.status === "ONLINE") this.arrive(client, changes);
      else {
        const known = this.clients_.get(client.phoneNumber);
        if (known !== undefined) this.leave(known, changes);
      }
    }
    return { changes, gap: false };
  }

  private arrive(client: RemoteClient, changes: RosterChange[]): void {
    const known = this.clients_.get(client.phoneNumber);
    if (known !== undefined && JSON.stringify(known) === JSON.stringify(client)) return;
    this.clients_.set(client.phoneNumber, client);
    changes.push({ kind: known === undefined ? "online" : "changed", client: copyOf(client) });
  }

  private leave(client: RemoteClient, changes: RosterChange[]): void {
    this.clients_.delete(client.phoneNumber);
    changes.push({ kind: "offline", client: { ...copyOf(client), status: "OFFLINE" } });
  }
}
