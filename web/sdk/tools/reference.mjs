// Writes docs/webphone-api.md from the comments in the sources; with --check it only says whether the page is up to date.
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { declarations } from "./declarations.mjs";

const page = join(dirname(fileURLToPath(import.meta.url)), "../../../docs/webphone-api.md");

function comment(node) {
  const [doc] = (node.jsDoc ?? []).slice(-1);
  const text = typeof doc?.comment === "string" ? doc.comment : ts.getTextOfJSDocComment(doc?.comment) ?? "";
  return text.replace(/\s+/g, " ").trim();
}

const cell = (text) => text.replace(/\|/g, "\\|").replace(/\s+/g, " ");

function signature(member, file) {
  if (ts.isGetAccessorDeclaration(member)) return `${member.name.getText(file)}: ${member.type?.getText(file) ?? ""}`;
  return member.getText(file).replace(/\/\*\*[\s\S]*?\*\//g, "").replace(/^(readonly|get|static readonly) /, "").replace(/;$/, "").trim();
}

function membersOf(members, file) {
  const rows = members.filter((each) => !ts.isConstructorDeclaration(each))
    .map((each) => `| \`${cell(signature(each, file))}\` | ${cell(comment(each))} |`);
  return rows.length === 0 ? "" : `\n| member | |\n|---|---|\n${rows.join("\n")}\n`;
}

function describe(statement, file) {
  if (ts.isClassDeclaration(statement)) {
    const made = statement.members.find((each) => ts.isConstructorDeclaration(each));
    const how = made === undefined || made.parameters.length === 0 && comment(made) === "" ? "" :
      `\n\`new ${statement.name.text}${made.getText(file).replace(/\/\*\*[\s\S]*?\*\//g, "").replace(/^constructor/, "").replace(/;$/, "").replace(/\s+/g, " ")}\`\n`;
    return [`### class ${statement.name.text}`, `${comment(statement)}\n${how}${membersOf([...statement.members], file)}`];
  }
  if (ts.isInterfaceDeclaration(statement)) {
    return [`### ${statement.name.text}`, `${comment(statement)}\n${membersOf([...statement.members], file)}`];
  }
  if (ts.isTypeAliasDeclaration(statement)) {
    return [`### ${statement.name.text}`, `${comment(statement)}\n\n    ${statement.type.getText(file).replace(/\s+/g, " ")}\n`];
  }
  if (ts.isVariableStatement(statement)) {
    const [declared] = statement.declarationList.declarations;
    const fields = declared.type !== undefined && ts.isTypeLiteralNode(declared.type) ? membersOf([...declared.type.members], file) : "";
    return [`### ${declared.name.text}`, `${comment(statement)}\n${fields === "" ? `\n\`${declared.name.text}: ${declared.type?.getText(file) ?? ""}\`\n` : fields}`];
  }
  return null;
}

function section(text) {
  const file = ts.createSourceFile("all.d.ts", text, ts.ScriptTarget.ES2022, true);
  const found = file.statements.map((each) => describe(each, file)).filter((each) => each !== null);
  const rank = ([title]) => (title.startsWith("### class") ? 0 : 1);
  return found.sort((a, b) => rank(a) - rank(b)).map(([title, body]) => `${title}\n${body}`).join("\n");
}

const intro = `# WebphoneAPI: reference

This page is made from the comments in \`web/sdk/src\` by \`node sdk/tools/reference.mjs\`; don't edit it by hand.

Two ways lead to the same telephone:

- **The SDK**, an ES module with types: \`import { Webphone } from "http://HOST:7777/sdk/parley-webphone.js"\`. Examples: \`examples/sdk-*.html\`.
- **The classic script**: \`<script src="http://HOST:7777/WebphoneAPI"></script>\` defines \`OzWebClient\`, \`ConnectionState\`, \`CallState\`,
  \`CallType\`, \`OzCamera\`, and the SDK as \`ParleyWebphone\`. If the server is down it never loads: test \`typeof OzWebClient\`. Example: \`examples/ozeki-livechat/\`.

Where the SDK differs from a telephone: a call never waits for the microphone, so texts work without one; texts sent before a
call is up, or while the connection is broken, wait and keep their order; after a change of network, or a reload of the page
within the grace time (10 s unless the server says otherwise), number and calls are kept. A handler of the classic script
replaces the one before, is called in a later task, and what happened before it was there waits for it. \`hangUp()\` gives no
state to the program that called it. After a reload a call that lived on is given to \`onIncomingCall\`; \`accept()\` takes it up.

What a method is of no use for, it leaves as it is, and nothing is thrown: \`start()\` and \`accept()\` a second time, \`reject()\` and
\`forward()\` of a call that is up or outgoing, anything on a call that has ended. \`hold()\`, \`unHold()\`, \`transfer()\` and \`sendDtmf()\` without
a call that is up, and \`sendMessage()\` after its end, are told to \`onErrorOccured\`; the SDK's promises reject (\`not-in-call\`, \`call-ended\`),
and its \`sendDtmf()\` throws. \`connect()\` of the classic script while connected leaves the old connection, with its calls, and makes a new one.
`;

const { sdk, classic } = declarations();
const text = `${intro}\n## The SDK\n\n${section(sdk)}\n## The classic script\n\n${section(classic)}`.replace(/\n{3,}/g, "\n\n").trimEnd() + "\n";
if (process.argv.includes("--check")) {
  const now = await readFile(page, "utf8").catch(() => "");
  if (now !== text) {
    console.error("docs/webphone-api.md is out of date: run node sdk/tools/reference.mjs");
    process.exit(1);
  }
} else {
  await writeFile(page, text);
}
