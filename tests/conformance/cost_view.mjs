// Hosts the cost view with the official bridge, over a page that knows only what the view uses.
// Arguments: the page, and a file with two tool results. Prints what the view said, asked and showed.
import { readFileSync } from "node:fs";
import vm from "node:vm";
import { AppBridge } from "@modelcontextprotocol/ext-apps/app-bridge";

const [html, answers] = process.argv.slice(2).map((path) => readFileSync(path, "utf8"));
const [first, second] = JSON.parse(answers);

class Element {
  constructor(name) {
    Object.assign(this, { name, children: [], listeners: {}, attributes: {}, hidden: false, own: "", value: "" });
    this.style = { setProperty: (key, value) => { this.style[key] = value; } };
  }
  set textContent(text) { this.own = String(text); this.children = []; }
  get textContent() { return this.own + this.children.map((child) => child.textContent).join(" "); }
  append(...children) { this.children.push(...children); }
  replaceChildren(...children) { this.own = ""; this.children = children; }
  setAttribute(key, value) { this.attributes[key] = value; }
  addEventListener(kind, listener) { this.listeners[kind] = listener; }
  querySelector(name) { return this.all().find((each) => each.name === name); }
  all() { return this.children.flatMap((child) => [child, ...child.all()]); }
}

const named = {};
for (const [, name, attributes] of html.matchAll(/<(\w+)([^>]*\bid="[^"]*"[^>]*)>/g)) {
  const made = new Element(name);
  made.hidden = /\bhidden\b/.test(attributes);
  named[attributes.match(/id="([^"]*)"/)[1]] = made;
}
for (const [id, ...inner] of [["days", "svg", "p"], ["groups", "thead", "tbody"], ["budgets", "div"], ["advice", "div"]]) {
  named[id].append(...inner.map((name) => new Element(name)));
}
for (const id of ["since", "by"]) {
  const body = html.match(new RegExp(`<select id="${id}">([^]*?)</select>`))[1];
  named[id].options = [...body.matchAll(/<option(?: value="([^"]*)")?[^>]*>([^<]*)/g)].map((o) => ({ value: o[1] ?? o[2] }));
}
const root = Object.assign(new Element("html"), { scrollWidth: 640, scrollHeight: 480 });
let receive = () => {};
const parent = { postMessage: (message) => queueMicrotask(() => bridgeEnd.onmessage(structuredClone(message))) };
const bridgeEnd = {
  start: async () => {},
  close: async () => {},
  send: async (message) => queueMicrotask(() => receive({ source: parent, data: structuredClone(message) })),
};
const window = { parent, addEventListener: (kind, listener) => { if (kind === "message") receive = listener; } };
const document = {
  documentElement: root,
  getElementById: (id) => named[id],
  createElement: (name) => new Element(name),
  createElementNS: (_, name) => new Element(name),
};

const said = { sizes: [], calls: [] };
const bridge = new AppBridge(null, { name: "host", version: "1" }, { serverTools: {} }, {
  hostContext: { theme: "dark", styles: { variables: { "--color-text-primary": "#123456" } } },
});
const ready = new Promise((done) => { bridge.oninitialized = done; });
bridge.onsizechange = (size) => said.sizes.push(size);
bridge.oncalltool = async (call) => { said.calls.push(call); return second; };
await bridge.connect(bridgeEnd);
vm.runInNewContext(html.match(/<script>([^]*)<\/script>/)[1], { window, document, console, Map, Promise, Number, Object });
await ready;
const settled = () => new Promise((done) => setTimeout(done, 20));
await bridge.sendToolInput({ arguments: { since: "-30d", group_by: ["model"], filters: { tag: "ci" } } });
await bridge.sendToolResult(first);
await settled();
const shown = () => Object.fromEntries(
  Object.entries(named).map(([id, each]) => [id, { text: each.textContent, hidden: each.hidden, value: each.value }]));
said.first = shown();
said.bars = named.days.querySelector("svg").children.length;
named.groups.all().find((each) => each.name === "button").listeners.click();
await settled();
said.second = shown();
said.style = root.style["--color-text-primary"];
await bridge.teardownResource({});
console.log(JSON.stringify(said));
process.exit(0);
