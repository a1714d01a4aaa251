// Shows /api/openapi.json, and sends the requests that it describes. Text from the server is never taken as HTML.

/** @param {string} name @param {Record<string, string>} attributes @param {...(Node | string)} children */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Text with `code` in backquotes, and with lists of lines that begin with "- ". */
function prose(text) {
  const coded = (name, piece) => element(name, {}, ...piece.split("`").map((part, index) => (index % 2 ? element("code", {}, part) : part)));
  const paragraphs = text.split("\n\n").map((one) => {
    const lines = one.split("\n");
    return lines.every((line) => line.startsWith("- ")) ? element("ul", {}, ...lines.map((line) => coded("li", line.slice(2)))) : coded("p", one);
  });
  return element("div", { class: "prose" }, ...paragraphs);
}

const title = (tag) => tag.replace("-", " ").replace(/^api /, "API ");

const description = await (await fetch("openapi.json")).json();
const resolve = (schema) => (schema?.$ref ? description.components.schemas[schema.$ref.split("/").pop()] : schema);

/** An example of a value of that schema. */
function example(schema, depth = 0) {
  const known = resolve(schema) ?? {};
  if (depth > 5) return null;
  if (known.enum) return known.enum[0];
  switch (known.type) {
    case "object": return Object.fromEntries(Object.entries(known.properties ?? {}).map(([name, one]) => [name, example(one, depth + 1)]));
    case "array": return [example(known.items, depth + 1)];
    case "integer": return known.minimum ?? 1;
    case "boolean": return true;
    default: return known.format === "date-time" ? "2026-01-02T03:04:05.678Z" : "text";
  }
}

function typeOf(schema) {
  const known = resolve(schema) ?? {};
  if (known.type === "array") return `list of ${typeOf(known.items)}`;
  if (schema?.$ref && known.type === "object") return schema.$ref.split("/").pop();
  const bounds = [];
  if (known.minLength !== undefined) bounds.push(`from ${known.minLength}`);
  if (known.maxLength !== undefined) bounds.push(`to ${known.maxLength} characters`);
  if (known.minimum !== undefined) bounds.push(`from ${known.minimum}`);
  if (known.maximum !== undefined) bounds.push(`to ${known.maximum}`);
  if (known.enum) bounds.push(known.enum.join(", "));
  return [known.format ?? known.type, ...bounds].join(" ");
}

function members(schema) {
  const known = resolve(schema);
  const table = element("table", {}, element("tr", {}, element("th", {}, "Member"), element("th", {}, "Type"), element("th", {}, "Meaning")));
  for (const [name, one] of Object.entries(known.properties ?? {})) {
    const needed = known.required?.includes(name) ? "" : " (may be absent)";
    table.append(element("tr", {}, element("td", {}, element("code", {}, name)), element("td", {}, typeOf(one) + needed), element("td", {}, one.description ?? "")));
  }
  return table;
}

const schemaOf = (holder, type = "application/json") => holder?.content?.[type]?.schema;

/** The part that sends the request. */
function trial(path, method, operation) {
  const form = element("form", { class: "trial" }, element("h3", {}, "Try it"));
  const fields = element("div", { class: "fields" });
  const inputs = (operation.parameters ?? []).map((parameter) => {
    const input = element("input", { autocomplete: "off" });
    fields.append(element("label", {}, element("code", {}, parameter.name), input));
    return { parameter, input };
  });
  form.append(fields);
  const schema = schemaOf(operation.requestBody);
  const body = schema ? element("textarea", { "aria-label": "Body", spellcheck: "false" }) : null;
  if (body) {
    body.value = JSON.stringify(example(schema), null, 2);
    form.append(body);
  }
  const button = element("button", { type: "submit" }, "Send");
  const result = element("pre", { hidden: "", tabindex: "0" });
  form.append(button, result);
  let running = null;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    running?.abort();
    running = new AbortController();
    const query = new URLSearchParams();
    let target = path;
    for (const { parameter, input } of inputs) {
      if (parameter.in === "path") target = target.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
      else if (input.value !== "") query.set(parameter.name, input.value);
    }
    const headers = { Authorization: `Bearer ${document.getElementById("token").value.trim()}` };
    if (body) headers["Content-Type"] = "application/json";
    result.hidden = false;
    result.textContent = "…";
    try {
      const url = `${description.servers[0].url}${target}${query.size ? `?${query}` : ""}`;
      const answer = await fetch(url, { method: method.toUpperCase(), headers, body: body?.value, signal: running.signal, credentials: "omit" });
      result.textContent = `${answer.status} ${answer.statusText}\n\n`;
      if (answer.headers.get("Content-Type")?.startsWith("text/event-stream")) return await follow(answer, result);
      const text = await answer.text();
      try {
        result.textContent += JSON.stringify(JSON.parse(text), null, 2);
      } catch {
        result.textContent += text;
      }
    } catch (error) {
      if (error.name !== "AbortError") result.textContent += `\n${error.message}`;
    }
  });
  return form;
}

/** The events as they come, the last of them kept. */
async function follow(answer, result) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    result.textContent = (result.textContent + value).slice(-20000);
    result.scrollTop = result.scrollHeight;
  }
}

function show(path, method, operation) {
  const heading = element("summary", {}, element("span", { class: `method ${method}` }, method.toUpperCase()), element("code", {}, path), element("span", {}, operation.summary));
  const body = element("div", { class: "body" });
  if (operation.description) body.append(prose(operation.description));
  if (operation.parameters) {
    const table = element("table", {}, element("tr", {}, element("th", {}, "Parameter"), element("th", {}, "Type"), element("th", {}, "Meaning")));
    for (const one of operation.parameters) {
      table.append(element("tr", {}, element("td", {}, element("code", {}, one.name)), element("td", {}, typeOf(one.schema)), element("td", {}, one.description ?? `in the ${one.in}`)));
    }
    body.append(table);
  }
  const wanted = schemaOf(operation.requestBody);
  if (wanted) body.append(element("h3", {}, "Body"), members(wanted));
  const answers = element("table", {}, element("tr", {}, element("th", {}, "Answer"), element("th", {}, "Meaning")));
  for (const [status, one] of Object.entries(operation.responses)) answers.append(element("tr", {}, element("td", {}, status), element("td", {}, one.description)));
  body.append(element("h3", {}, "Answers"), answers);
  for (const one of Object.values(operation.responses)) {
    const schema = schemaOf(one);
    if (schema) body.append(element("pre", { tabindex: "0" }, JSON.stringify(example(schema), null, 2)));
  }
  const details = element("details", { id: operation.operationId }, heading, body);
  details.addEventListener("toggle", () => {
    if (details.open && !body.querySelector("form")) body.append(trial(path, method, operation));
  });
  return details;
}

const groups = new Map();
for (const [path, methods] of Object.entries(description.paths)) {
  for (const [method, operation] of Object.entries(methods)) {
    const tag = operation.tags[0];
    groups.set(tag, [...(groups.get(tag) ?? []), { path, method, operation }]);
  }
}

const main = document.getElementById("operations");
const contents = document.getElementById("contents");
document.getElementById("about").textContent = `${description.info.description} Version ${description.info.version}. All paths begin with ${description.servers[0].url}.`;
main.append(element("h2", { id: "tokens" }, "Tokens"), prose(description.components.securitySchemes.bearer.description));
for (const [tag, operations] of groups) {
  const list = element("ul");
  main.append(element("h2", {}, title(tag)));
  for (const { path, method, operation } of operations) {
    main.append(show(path, method, operation));
    list.append(element("li", {}, element("a", { href: `#${operation.operationId}` }, operation.summary)));
  }
  contents.append(element("b", {}, title(tag)), list);
}

function openTarget() {
  const target = document.getElementById(location.hash.slice(1));
  if (target instanceof HTMLDetailsElement) {
    target.open = true;
    target.scrollIntoView();
  }
}
window.addEventListener("hashchange", openTarget);
openTarget();
