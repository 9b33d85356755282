import type { Mask } from "./mask"

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
const PALETTE = 3

type Header = { width: number; height: number; bits: number }

/**
 * The indices of a palette PNG, which a canvas would only give as colours.
 * @throws {Error} when the bytes are not a palette PNG without interlacing
 */
export async function decodeMask(bytes: Uint8Array<ArrayBuffer>): Promise<Mask> {
  if (SIGNATURE.some((byte, index) => bytes[index] !== byte)) throw new Error("mask: not a PNG")
  const chunks = [...chunksOf(bytes)]
  const header = readHeader(chunks.find(({ type }) => type === "IHDR")?.data)
  const data = chunks.filter(({ type }) => type === "IDAT").map((chunk) => chunk.data)
  const rows = unfiltered(await inflated(data), header)
  return { width: header.width, height: header.height, indices: unpacked(rows, header) }
}

function* chunksOf(bytes: Uint8Array<ArrayBuffer>) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = SIGNATURE.length
  while (at + 12 <= bytes.length) {
    const length = view.getUint32(at)
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8))
    yield { type, data: bytes.subarray(at + 8, at + 8 + length) }
    at += 12 + length
  }
}

function readHeader(data: Uint8Array<ArrayBuffer> | undefined): Header {
  if (data?.length !== 13) throw new Error("mask: a PNG without a header")
  const view = new DataView(data.buffer, data.byteOffset)
  const [bits = 0, colorType, , , interlaced] = data.subarray(8)
  if (colorType !== PALETTE || interlaced) throw new Error("mask: not a plain palette PNG")
  return { width: view.getUint32(0), height: view.getUint32(4), bits }
}

async function inflated(parts: Uint8Array<ArrayBuffer>[]): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob(parts).stream().pipeThrough(new DecompressionStream("deflate"))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

/** Undo the filter of each row (PNG 1.2, section 6); a pixel is at most one byte. */
function unfiltered(data: Uint8Array<ArrayBuffer>, { width, height, bits }: Header): Uint8Array {
  const length = Math.ceil((width * bits) / 8)
  if (data.length < height * (length + 1)) throw new Error("mask: a PNG that ends too early")
  const rows = new Uint8Array(height * length)
  let above = new Uint8Array(length)
  for (let row = 0; row < height; row++) {
    const start = row * (length + 1)
    const line = rows.subarray(row * length, (row + 1) * length)
    line.set(data.subarray(start + 1, start + 1 + length))
    unfilterRow(data[start] ?? 0, line, above)
    above = line
  }
  return rows
}

function unfilterRow(filter: number, line: Uint8Array, above: Uint8Array): void {
  const predict = PREDICTORS[filter]
  if (!predict) return
  let left = 0
  let aboveLeft = 0
  for (let at = 0; at < line.length; at++) {
    const up = above[at] ?? 0
    left = ((line[at] ?? 0) + predict(left, up, aboveLeft)) & 255
    line[at] = left
    aboveLeft = up
  }
}

type Predict = (left: number, up: number, aboveLeft: number) => number

const PREDICTORS: readonly (Predict | null)[] = [
  null,
  (left) => left,
  (_left, up) => up,
  (left, up) => (left + up) >> 1,
  paeth,
]

function paeth(left: number, up: number, aboveLeft: number): number {
  const guess = left + up - aboveLeft
  const byLeft = Math.abs(guess - left)
  const byUp = Math.abs(guess - up)
  const byAboveLeft = Math.abs(guess - aboveLeft)
  if (byLeft <= byUp && byLeft <= byAboveLeft) return left
  return byUp <= byAboveLeft ? up : aboveLeft
}

/** One byte a pixel out of rows with 1, 2, 4 or 8 bits a pixel. */
function unpacked(rows: Uint8Array, { width, height, bits }: Header): Uint8Array {
  if (bits === 8) return rows
  const length = Math.ceil((width * bits) / 8)
  const indices = new Uint8Array(width * height)
  const ones = (1 << bits) - 1
  for (let row = 0; row < height; row++) {
    const end = (row + 1) * width
    let at = row * width
    for (let from = row * length; at < end; from++) {
      const byte = rows[from] ?? 0
      for (let shift = 8 - bits; shift >= 0 && at < end; shift -= bits) {
        indices[at++] = (byte >> shift) & ones
      }
    }
  }
  return indices
}
