import highlight from "npm:highlight.js@11.12.0";
import { Marked } from "npm:marked@18.2.1";
import { markedHighlight } from "npm:marked-highlight@2.2.4";

const marked = new Marked(markedHighlight({
  langPrefix: "hljs language-",
  highlight: (code, language) => highlight.highlight(code, { language }).value,
}));

/** A page with prose, lists, tables and code. */
export function input(): string {
  return Array.from({ length: 30 }, (_, i) => `
## Chapter ${i}

Some *prose* with a [link](https://example.com/${i}), \`code\` and **emphasis**, ${i} times.

- one
- two of ${i}

| a | b |
| - | - |
| ${i} | ${i * 2} |

\`\`\`typescript
export async function load(path: string, retries = ${i}): Promise<string> {
  for (let i = 0; i < retries; i++) {
    const response = await fetch(\`https://example.com/\${path}\`);
    if (response.ok) return await response.text(); // Done.
  }
  throw new Error("not there");
}
\`\`\`
`).join("");
}

/** The page as HTML. */
export function run(text: string): string {
  return marked.parse(text, { async: false });
}
