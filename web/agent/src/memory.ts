// What outlives a reload of this tab, only for who asked for it when signing in: account and password, from the moment that the
// page is left until it is there again. They lie in the tab's session storage meanwhile, where pages of this origin could read them;
// otherwise they are in this page's memory alone.

const kKey = "parley.agent.login";
export const kTabKey = "parley.agent.tab";
const kLongest = 60_000;   // milliseconds

export interface Login { account: string; password: string }

export function keepLogin(login: Login): void {
  try {
    sessionStorage.setItem(kKey, JSON.stringify({ ...login, at: Date.now() }));
  } catch {
    // Then one signs in again.
  }
}

export function takeLogin(): Login | null {
  try {
    const data = JSON.parse(sessionStorage.getItem(kKey) ?? "null") as Record<string, unknown> | null;
    sessionStorage.removeItem(kKey);
    const [navigation] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
    if (data === null || navigation?.type !== "reload") return null;
    const { account, password, at } = data;
    if (typeof account !== "string" || typeof password !== "string" || typeof at !== "number" || Date.now() - at > kLongest) return null;
    return { account, password };
  } catch {
    return null;
  }
}
