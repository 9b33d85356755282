import { makeOverlay, type Overlay } from "./overlay-maker"

/** Everything of one image that is drawn, decoded and ready. */
export type Picture = {
  bitmap: ImageBitmap
  /** Null when there is no prediction, or its mask could not be read. */
  overlay: Overlay | null
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
    source.maskUrl === null
      ? null
      : loadOverlay(source.maskUrl, source.colors, readFile).catch(() => null),
  ])
  return { bitmap, overlay }
}

/** Fetch and decode a mask. @throws {ApiProblem | Error} when it cannot be had or read */
export async function loadOverlay(
  maskUrl: string,
  colors: readonly string[],
  readFile: ReadFile,
): Promise<Overlay> {
  return makeOverlay(await readFile(maskUrl), colors)
}

export function closePicture(picture: Picture): void {
  picture.bitmap.close()
  picture.overlay?.bitmap.close()
}
