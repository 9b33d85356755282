/** Category indices of an image's pixels, row by row. */
export type Mask = { width: number; height: number; indices: Uint8Array }

/** The index at a spot in image pixels; null beside the image. */
export function indexAt(mask: Mask, spot: { x: number; y: number }): number | null {
  const column = Math.floor(spot.x)
  const row = Math.floor(spot.y)
  if (column < 0 || row < 0 || column >= mask.width || row >= mask.height) return null
  return mask.indices[row * mask.width + column] ?? null
}

/** RGBA pixels in the colours of their indices; an index without one is transparent. */
export function paintMask(
  mask: Mask,
  colors: ReadonlyMap<number, string>,
): Uint8ClampedArray<ArrayBuffer> {
  const lookup = new Uint32Array(256)
  const bytes = new Uint8Array(lookup.buffer)
  colors.forEach((color, index) => {
    const value = Number.parseInt(color.slice(1), 16)
    bytes.set([(value >> 16) & 255, (value >> 8) & 255, value & 255, 255], index * 4)
  })
  const pixels = new Uint32Array(mask.indices.length)
  const { indices } = mask
  // A call for each of two million pixels would take several times as long.
  for (let at = 0; at < indices.length; at++) pixels[at] = lookup[indices[at] ?? 0] ?? 0
  return new Uint8ClampedArray(pixels.buffer)
}
