/** The frame of all charts. */

/** A picture with a note at the top. */
export function svg(
  width: number,
  height: number,
  label: string,
  note: string,
  content: string,
): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${
    escape(label)
  }">
<style>
  text { font: 13px system-ui, sans-serif; fill: #24292f; }
  .title { font-weight: 600; }
  .note { fill: #6e7781; }
  .ours { fill: #0969da; }
  text.ours { font-weight: 600; }
  .limit { fill: #afb8c1; }
  .peer { fill: #d4a72c; }
  polyline { fill: none; stroke-width: 2; }
  polyline.ours { fill: none; stroke: #0969da; }
  polyline.limit { fill: none; stroke: #afb8c1; }
  polyline.peer { fill: none; stroke: #d4a72c; }
  .grid { stroke: #d0d7de; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .note { fill: #8d96a0; }
    .ours { fill: #4493f8; }
    .limit { fill: #57606a; }
    polyline.ours { stroke: #4493f8; }
    polyline.limit { stroke: #57606a; }
    .grid { stroke: #30363d; }
  }
</style>
<text x="10" y="20" class="note">${escape(note)}</text>
${content}
</svg>
`;
}

/** A text as the content of an element or an attribute. */
export function escape(text: string): string {
  return text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}
