/**
 * Named by a variable, so that Deno does not check the package: the package brings types of an
 * older Node, which would replace the newer types in all modules.
 */
const PACKAGE = "npm:jimp@1.6.1";
const { Jimp } = await import(PACKAGE);

/** A photograph's worth of noise over a gradient, as a JPEG. */
export async function input(): Promise<Uint8Array> {
  const [width, height] = [640, 480];
  const image = new Jimp({ width, height });
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const noise = (x * 7_919 + y * 104_729) % 8;
      image.setPixelColor(((x % 224 + noise) << 24 | (y % 224 + noise) << 16 | 0x80ff) >>> 0, x, y);
    }
  }
  return new Uint8Array(await image.getBuffer("image/jpeg"));
}

/** A JPEG, made smaller. */
export async function run(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const image = await Jimp.read(bytes.buffer);
  image.resize({ w: 160, h: 120 });
  return new Uint8Array(await image.getBuffer("image/jpeg"));
}
