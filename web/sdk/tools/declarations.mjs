// Makes the type declarations of the SDK and of the classic script: one file each, of the public names alone.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const sources = join(dirname(fileURLToPath(import.meta.url)), "../src");
const sdkFiles = ["types", "emitter", "devices", "call_types", "call", "sessions", "webphone_events", "webphone"];
const classicFiles = ["slot", "states", "oz_camera", "oz_call", "directory", "oz_web_client", "index"].map((name) => `classic/${name}`);

function emitted() {
  const files = new Map();
  const program = ts.createProgram([join(sources, "index.ts"), join(sources, "classic/index.ts"), join(sources, "jssip_timers.d.ts")], {
    target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler,
    lib: ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"], types: [], strict: true, skipLibCheck: true,
    declaration: true, emitDeclarationOnly: true, stripInternal: true, allowImportingTsExtensions: true, rootDir: join(sources, "../.."),
    outDir: "/out",
  });
  program.emit(undefined, (path, text) => files.set(path.replace(/^\/out\/sdk\/src\//, "").replace(/\.d\.ts$/, ""), text));
  return files;
}

// The names that an index file gives out.
function publicNames(text) {
  const names = new Set();
  for (const [, list] of text.matchAll(/export (?:type )?\{([^}]*)\}/g)) {
    for (const each of list.split(",")) {
      const name = each.trim().replace(/^type /, "");
      if (name !== "") names.add(name);
    }
  }
  return names;
}

function flatten(files, names, isPublic, prefix) {
  const parts = [];
  for (const name of names) {
    const file = ts.createSourceFile(`${name}.d.ts`, files.get(name) ?? "", ts.ScriptTarget.ES2022, true);
    for (const statement of file.statements) {
      if (ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement)) continue;
      const declared = ts.isVariableStatement(statement) ? statement.declarationList.declarations[0].name : statement.name;
      const text = statement.getFullText(file).replace(/^\s*\/\/.*$/gm, "").trim()
        .replace(/^    private .*;\n/gm, "").replace(/^    #private;\n/gm, "");
      const bare = text.replace(/^(export )?(declare )?(?=(class|interface|type|const|function|abstract))/m, "");
      const kind = /^(class|const|function|abstract)/m.exec(bare.replace(/\/\*\*[\s\S]*?\*\/\s*/, "")) ? "declare " : "";
      const given = isPublic(declared?.text ?? "") ? prefix : "";
      parts.push(bare.replace(/^(?=(class|interface|type|const|function|abstract))/m, `${given}${kind}`));
    }
  }
  return `${parts.join("\n\n")}\n`;
}

export function declarations() {
  const files = emitted();
  const names = publicNames(files.get("index"));
  const sdk = flatten(files, sdkFiles, (name) => names.has(name), "export ");
  const globals = 'declare const ParleyWebphone: typeof import("./parley-webphone.js");\n';
  const classic = flatten(files, classicFiles, () => false, "");
  return {
    sdk: `// @parley/webphone: type declarations, made from the sources.\n\n${sdk}`,
    classic: `// The script /WebphoneAPI: its globals, made from the sources.\n\n${classic}\n/** The SDK itself. */\n${globals}`,
  };
}
