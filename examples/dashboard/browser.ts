import { type Browser, chromium } from "npm:playwright-core@1";

/** Where Chromium is: what `CHROMIUM` says, or the first of its names in the `PATH`. */
export function findChromium(): string | undefined {
  const given = Deno.env.get("CHROMIUM");
  if (given) return given;
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  const names = ["chromium", "chromium-browser", "google-chrome"];
  return names.flatMap((name) => folders.map((folder) => `${folder}/${name}`)).find(isFile);
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Starts it without a window. */
export function openBrowser(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined) {
    throw new Error("Cannot find Chromium: install it, or set CHROMIUM to where it is");
  }
  return chromium.launch({ executablePath });
}
