import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { kRepository } from "./server.mjs";

function newest(folder) {
  let time = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === "node_modules" || entry.name === "dist") continue;
    const path = join(folder, entry.name);
    time = Math.max(time, entry.isDirectory() ? newest(path) : statSync(path).mtimeMs);
  }
  return time;
}

// Builds web/dist when it is missing or older than its sources.
export function pagesAreBuilt() {
  const web = join(kRepository, "web");
  const built = join(web, "dist/index.html");
  if (existsSync(built) && statSync(built).mtimeMs >= Math.max(newest(web), newest(join(kRepository, "examples")))) return;
  if (!existsSync(join(web, "node_modules"))) execFileSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: web, stdio: "ignore" });
  execFileSync(process.execPath, ["build.mjs"], { cwd: web, stdio: ["ignore", "ignore", "inherit"] });
}
