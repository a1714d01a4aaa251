// Looks again until it is right, or the time is over.

export const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// Calls `look` until it returns something truthy without throwing; the error tells what it saw last.
export async function until(what, look, limit = 25_000, interval = 150) {
  const end = Date.now() + limit;
  let last = "nothing";
  for (;;) {
    try {
      const value = await look();
      if (value) return value;
      last = JSON.stringify(value);
    } catch (error) {
      last = error.message ?? String(error);
    }
    if (Date.now() > end) throw new Error(`${what} not within ${limit / 1000} s; last: ${last}`);
    await pause(interval);
  }
}

export function check(condition, what) {
  if (!condition) throw new Error(what);
}

export function same(actual, expected, what) {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: ${a.slice(0, 600)} instead of ${b.slice(0, 600)}`);
}
