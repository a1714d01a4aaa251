// Test pages: bundled by esbuild, served by a web server of their own on another port than Parley's.

import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const kHtml = (script) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>${script}</title><body><script src="${script}.js"></script>`;

export async function servePages(names) {
  const files = new Map();
  for (const name of names) {
    const entry = fileURLToPath(new URL(`../pages/${name}.js`, import.meta.url));
    const result = await build({ entryPoints: [entry], bundle: true, format: "iife", write: false, target: "chrome110", logLevel: "warning",
                                 define: { global: "globalThis" } });
    files.set(`/${name}.html`, ["text/html; charset=utf-8", kHtml(name)]);
    files.set(`/${name}.js`, ["text/javascript; charset=utf-8", result.outputFiles[0].text]);
  }
  return listen(files);
}

// A folder as any web server serves it.
export async function serveFolder(folder) {
  const types = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8" };
  return listen(new Map(readdirSync(folder, { withFileTypes: true }).filter((each) => each.isFile()).map(({ name }) => [`/${name}`, [types[extname(name)] ?? "application/octet-stream", readFileSync(join(folder, name))]])));
}

async function listen(files) {
  const server = createServer((request, response) => {
    const found = files.get(new URL(request.url, "http://x").pathname);
    response.writeHead(found === undefined ? 404 : 200, { "Content-Type": found?.[0] ?? "text/plain" });
    response.end(found?.[1] ?? "");
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://localhost:${server.address().port}`, stop: () => server.close() };
}
