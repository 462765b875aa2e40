/** Links of README.md, the guide and the other pages for readers lead to files and headings. */

import { assert, assertEquals } from "@std/assert";

const root = new URL("../../", import.meta.url);

/** The pages whose links are checked, as paths from the root of the repository. */
async function pages(): Promise<string[]> {
  const names: string[] = [];
  for (const folder of ["", "docs/", ".github/"]) {
    // The package as it is published has no .github.
    const entries = await Array.fromAsync(Deno.readDir(new URL(folder, root))).catch(() => []);
    for (const { name } of entries) if (name.endsWith(".md")) names.push(folder + name);
  }
  return names;
}

/** A page without its blocks of code, where no text is a link or a heading. */
function withoutCode(text: string): string {
  return text.replace(/^(`{3,}).*?^\1$/gms, "");
}

/** The names by which GitHub and JSR link to the headings of a page. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading] of withoutCode(text).matchAll(/^#{1,6} +(.*)$/gm)) {
    const name = heading!
      // The text of a link, without its address.
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .trim().toLowerCase().replace(/[^\p{L}\p{N}\p{M} _-]/gu, "").replaceAll(" ", "-");
    let anchor = name;
    for (let i = 1; anchors.has(anchor); i++) anchor = `${name}-${i}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** The addresses of the links and images of a page. */
function linksOf(text: string): string[] {
  // In a span of code, brackets are no link.
  const prose = withoutCode(text).replace(/(`+)(?!`).*?[^`]\1(?!`)/gs, "`");
  const inline = prose.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g);
  const referenced = prose.matchAll(/^\[[^\]]+\]:\s*<?([^\s>]+)/gm);
  return [...inline, ...referenced].map(([, link]) => link!);
}

/** What is wrong with the links of a page. */
async function brokenLinks(page: string, text: string): Promise<string[]> {
  const broken: string[] = [];
  for (const link of linksOf(text)) {
    if (/^(https?|mailto):/.test(link)) continue;
    const url = new URL(link, new URL(page, root));
    const anchor = decodeURIComponent(url.hash.slice(1));
    url.hash = "";
    const isThere = link.startsWith("#") || await Deno.stat(url).then(() => true, () => false);
    if (!isThere) {
      broken.push(`${page} links to ${link}: no such file`);
    } else if (anchor !== "") {
      const target = link.startsWith("#") ? text : await Deno.readTextFile(url);
      if (!anchorsOf(target).has(anchor)) broken.push(`${page} links to ${link}: no such heading`);
    }
  }
  return broken;
}

for (const page of await pages()) {
  Deno.test(`The links of ${page} lead somewhere`, async () => {
    assertEquals(await brokenLinks(page, await Deno.readTextFile(new URL(page, root))), []);
  });
}

Deno.test("docs/README.md lists each page of the guide", async () => {
  const guide = await Deno.readTextFile(new URL("docs/README.md", root));
  const links = linksOf(guide);
  for (const page of await pages()) {
    if (!page.startsWith("docs/") || page === "docs/README.md") continue;
    assert(links.includes(page.slice("docs/".length)), `docs/README.md does not link to ${page}`);
  }
});

Deno.test("A link is broken if its file or its heading is missing", async () => {
  const text = [
    "# A heading, with `code`",
    "## The same",
    "## The same",
    "[1](#a-heading-with-code) [2](#the-same-1) [3](#the-same-2) [4](README.md#license)",
    "[5](README.md#no-heading) [6](no_page.md) `[7](no_page.md)` [8](https://deno.com/none)",
    "```md",
    "[9](no_page.md)",
    "```",
    "[10]: docs/no_page.md",
  ].join("\n");
  assertEquals(await brokenLinks("PAGE.md", text), [
    "PAGE.md links to #the-same-2: no such heading",
    "PAGE.md links to README.md#no-heading: no such heading",
    "PAGE.md links to no_page.md: no such file",
    "PAGE.md links to docs/no_page.md: no such file",
  ]);
});
