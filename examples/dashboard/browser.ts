import { type Browser, chromium } from "npm:playwright-core@1";

/** Where Chromium or Chrome is: what `CHROMIUM` says, or the first place that has it. */
export function findChromium(): string | undefined {
  return Deno.env.get("CHROMIUM") || places().find(isFile);
}

/** Where this system has Chromium or Chrome: macOS and Windows do not put it into the `PATH`. */
function places(): string[] {
  switch (Deno.build.os) {
    case "darwin":
      return ["", Deno.env.get("HOME") ?? ""].flatMap((home) =>
        ["Chromium", "Google Chrome"].map((name) =>
          `${home}/Applications/${name}.app/Contents/MacOS/${name}`
        )
      );
    case "windows":
      return ["Chromium", "Google/Chrome"].flatMap((name) =>
        ["ProgramFiles", "ProgramFiles(x86)", "LocalAppData"]
          .map((variable) => `${Deno.env.get(variable)}/${name}/Application/chrome.exe`)
      );
    default: {
      const folders = (Deno.env.get("PATH") ?? "").split(":");
      return ["chromium", "chromium-browser", "google-chrome"]
        .flatMap((name) => folders.map((folder) => `${folder}/${name}`));
    }
  }
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
