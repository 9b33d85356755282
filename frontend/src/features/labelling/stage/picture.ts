import { decodeMask, type Mask, paintMask } from "./mask"

/** Everything of one image that is drawn, decoded and ready. */
export type Picture = {
  bitmap: ImageBitmap
  /** Null when there is no prediction, or its mask could not be read. */
  overlay: { bitmap: ImageBitmap; mask: Mask } | null
}

export type PictureSource = {
  url: string
  width: number
  maskUrl: string | null
  /** One colour for each index of the mask. */
  colors: readonly string[]
}

type ReadFile = (url: string) => Promise<Blob>

/** Screens have no use for more, and canvases have limits. */
const WIDEST = 4096

/** Fetch and decode an image and its mask. @throws {ApiProblem | DOMException} for the image */
export async function loadPicture(source: PictureSource, readFile: ReadFile): Promise<Picture> {
  const url = source.width > WIDEST ? `${source.url}?width=${WIDEST}` : source.url
  const [bitmap, overlay] = await Promise.all([
    readFile(url).then((blob) => createImageBitmap(blob)),
    loadOverlay(source, readFile).catch(() => null),
  ])
  return { bitmap, overlay }
}

async function loadOverlay({ maskUrl, colors }: PictureSource, readFile: ReadFile) {
  if (maskUrl === null) return null
  const file = await readFile(maskUrl)
  const mask = await decodeMask(new Uint8Array(await file.arrayBuffer()))
  const pixels = new ImageData(paintMask(mask, colors), mask.width, mask.height)
  return { mask, bitmap: await createImageBitmap(pixels) }
}

export function closePicture(picture: Picture): void {
  picture.bitmap.close()
  picture.overlay?.bitmap.close()
}
