// Bundles the pages into dist/ (or, with --tests, the unit tests into node_modules/.cache/).
// Output holds no inline script or style, so that it runs under a strict Content-Security-Policy.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { declarations } from "./sdk/tools/declarations.mjs";

const root = dirname(fileURLToPath(import.meta.url));
const dist = join(root, "dist");
const target = ["chrome100", "firefox102", "safari15.4"];

async function buildTests() {
  const outdir = join(root, "node_modules/.cache/parley-tests");
  await rm(outdir, { recursive: true, force: true });
  const tests = [];
  for (const folder of ["tests", "sdk/test"]) {
    for (const name of await readdir(join(root, folder))) if (name.endsWith(".test.ts")) tests.push(join(root, folder, name));
  }
  await build({
    entryPoints: tests, entryNames: "[name]",
    outdir, bundle: true, platform: "node", format: "esm", target: "node18",
    outExtension: { ".js": ".mjs" }, sourcemap: "inline", logLevel: "warning",
    // JsSIP asks for node's own modules by require().
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  });
}

// A page: its script and style under names that hold a hash, and index.html with those names in it.
async function buildPage(name, folder) {
  const result = await build({
    entryPoints: { [name]: join(root, name, "src/main.tsx"), style: join(root, name, "styles/main.css") },
    outdir: join(folder, "assets"), entryNames: "[name]-[hash]", bundle: true, minify: true, format: "esm", target,
    jsx: "automatic", jsxImportSource: "preact", sourcemap: true, legalComments: "linked", metafile: true,
    define: { "process.env.NODE_ENV": '"production"' }, logLevel: "warning",
  });
  const outputs = Object.keys(result.metafile.outputs).map((path) => basename(path));
  const find = (pattern) => outputs.find((name) => pattern.test(name));
  const page = (await readFile(join(root, name, "index.html"), "utf8"))
    .replace("%SCRIPT%", `assets/${find(new RegExp(`^${name}-.*\\.js$`))}`)
    .replace("%STYLE%", `assets/${find(/^style-.*\.css$/)}`);
  await writeFile(join(folder, "index.html"), page);
  await cp(join(root, "conference/public"), folder, { recursive: true });
}

// The SDK as an ES module with its types, and the classic script, which the server serves as /WebphoneAPI.
async function buildSdk() {
  const common = { bundle: true, minify: true, target, sourcemap: true, legalComments: "linked", logLevel: "warning" };
  await build({ ...common, entryPoints: [join(root, "sdk/src/index.ts")], outfile: join(dist, "sdk/parley-webphone.js"), format: "esm" });
  await build({ ...common, entryPoints: [join(root, "sdk/src/classic/main.ts")], outfile: join(dist, "webphone-api.js"), format: "iife" });
  const { sdk, classic } = declarations();
  await writeFile(join(dist, "sdk/parley-webphone.d.ts"), sdk);
  await writeFile(join(dist, "sdk/webphone-api.d.ts"), classic);
  await cp(join(root, "sdk/package.json"), join(dist, "sdk/package.json"));
}

// A style sheet for a shadow root: its host stands for the root, and the page's size of letters does not count.
function inShadow(css) {
  return css.replace(/(^|[};])(html|body)([^{}]*)\{[^{}]*\}/g, "$1").replace(/:root\b/g, ":host")
    .replace(/(\d*\.?\d+)rem\b/g, (_, size) => `${Math.round(Number(size) * 1600) / 100}px`);
}

// The widget: a small script that sites embed, which fetches the large one by an address that changes with it.
async function buildWidget() {
  const sheet = await build({ entryPoints: [join(root, "widget/styles/main.css")], bundle: true, minify: true, write: false, target, logLevel: "warning" });
  const style = {
    name: "style",
    setup(builder) {
      builder.onResolve({ filter: /^widget:style$/ }, () => ({ path: "style", namespace: "widget" }));
      builder.onLoad({ filter: /.*/, namespace: "widget" }, () => ({ contents: inShadow(sheet.outputFiles[0].text), loader: "text" }));
    },
  };
  const common = { bundle: true, minify: true, target, format: "iife", legalComments: "linked", logLevel: "warning" };
  await build({
    ...common, entryPoints: [join(root, "widget/src/main.tsx")], outfile: join(dist, "widget-chat.js"), plugins: [style], jsx: "automatic", jsxImportSource: "preact",
    sourcemap: true, define: { "process.env.NODE_ENV": '"production"' },
  });
  const version = createHash("sha256").update(await readFile(join(dist, "widget-chat.js"))).digest("hex").slice(0, 12);
  await build({ ...common, entryPoints: [join(root, "widget/src/loader.ts")], outfile: join(dist, "widget.js"), define: { __CHAT_VERSION__: JSON.stringify(version) } });
}

async function buildExample() {
  const from = join(root, "../examples");
  const to = join(dist, "examples");
  await mkdir(to, { recursive: true });
  const single = (name) => /^(index|jssip-chat|sdk-|widget).*\.(html|js|css)$/.test(name);
  for (const name of (await readdir(from)).filter(single)) await cp(join(from, name), join(to, name));
  await cp(join(from, "ozeki-livechat"), join(to, "ozeki-livechat"), { recursive: true });
  await cp(join(root, "node_modules/jquery/dist/jquery.min.js"), join(to, "ozeki-livechat/jquery.min.js"));
  await build({
    entryPoints: [join(root, "node_modules/jssip/lib/JsSIP.js")], outfile: join(to, "jssip.js"),
    bundle: true, minify: true, format: "iife", globalName: "JsSIP", target, logLevel: "warning",
  });
}

// The page that reads the REST API's description: plain files.
async function buildApiDocs() {
  await cp(join(root, "api-docs"), join(dist, "api"), { recursive: true });
}

if (process.argv.includes("--tests")) {
  await buildTests();
} else {
  await rm(dist, { recursive: true, force: true });
  await mkdir(dist, { recursive: true });
  await buildPage("conference", dist);
  await buildPage("livechat", join(dist, "livechat"));
  await buildPage("agent", join(dist, "agent"));
  await buildSdk();
  await buildWidget();
  await buildExample();
  await buildApiDocs();
  console.log("web/dist is built");
}
