// `make diagrams`: every diagram.mmd here becomes diagram.svg, which names its source's digest and needs no other host.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";

const [modules] = process.argv.slice(2);
const { renderMermaidSVG } = await import(`${modules}/node_modules/beautiful-mermaid/dist/index.js`);
const folder = import.meta.dirname;

for (const name of readdirSync(folder).filter((name) => name.endsWith(".mmd"))) {
  const source = readFileSync(`${folder}/${name}`, "utf8");
  const digest = createHash("sha256").update(source).digest("hex");
  const svg = renderMermaidSVG(source, { font: "system-ui" }).replace(/ *@import url\(.*\);\n/, "");
  writeFileSync(`${folder}/${name.replace(/mmd$/, "svg")}`, `${svg}\n<!-- ${digest} -->\n`);
}
