// Bundles the pages into dist/ (or, with --tests, the unit tests into node_modules/.cache/).
// Output holds no inline script or style, so that it runs under a strict Content-Security-Policy.
import { build } from "esbuild";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(fileURLToPath(import.meta.url));
const dist = join(root, "dist");
const target = ["chrome100", "firefox102", "safari15.4"];

async function buildTests() {
  const outdir = join(root, "node_modules/.cache/parley-tests");
  await rm(outdir, { recursive: true, force: true });
  const tests = (await readdir(join(root, "tests"))).filter((name) => name.endsWith(".test.ts"));
  await build({
    entryPoints: tests.map((name) => join(root, "tests", name)),
    outdir, bundle: true, platform: "node", format: "esm", target: "node18",
    outExtension: { ".js": ".mjs" }, sourcemap: "inline", logLevel: "warning",
  });
}

async function buildConference() {
  const result = await build({
    entryPoints: { conference: join(root, "conference/src/main.tsx"), style: join(root, "conference/styles/main.css") },
    outdir: join(dist, "assets"), entryNames: "[name]-[hash]", bundle: true, minify: true, format: "esm", target,
    jsx: "automatic", jsxImportSource: "preact", sourcemap: true, legalComments: "linked", metafile: true,
    define: { "process.env.NODE_ENV": '"production"' }, logLevel: "warning",
  });
  const outputs = Object.keys(result.metafile.outputs).map((path) => basename(path));
  const find = (pattern) => outputs.find((name) => pattern.test(name));
  const page = (await readFile(join(root, "conference/index.html"), "utf8"))
    .replace("%SCRIPT%", `assets/${find(/^conference-.*\.js$/)}`)
    .replace("%STYLE%", `assets/${find(/^style-.*\.css$/)}`);
  await writeFile(join(dist, "index.html"), page);
  await cp(join(root, "conference/public"), dist, { recursive: true });
}

async function buildExample() {
  const from = join(root, "../examples");
  const to = join(dist, "examples");
  await mkdir(to, { recursive: true });
  for (const name of ["jssip-chat.html", "jssip-chat.js"]) await cp(join(from, name), join(to, name));
  await build({
    entryPoints: [join(root, "node_modules/jssip/lib/JsSIP.js")], outfile: join(to, "jssip.js"),
    bundle: true, minify: true, format: "iife", globalName: "JsSIP", target, logLevel: "warning",
  });
}

if (process.argv.includes("--tests")) {
  await buildTests();
} else {
  await rm(dist, { recursive: true, force: true });
  await mkdir(dist, { recursive: true });
  await buildConference();
  await buildExample();
  console.log("web/dist is built");
}
