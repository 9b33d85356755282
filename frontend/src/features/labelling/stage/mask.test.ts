// @vitest-environment node
import { deflateSync } from "node:zlib"
import { describe, expect, it } from "vitest"
import { indexAt, paintMask } from "./mask"
import { decodeMask } from "./mask-file"

/** Written by Pillow, which packs few colours into few bits. */
const FOUR_BITS =
  "iVBORw0KGgoAAAANSUhEUgAAAAUAAAADBAMAAACpGNjLAAAAIVBMVEUAAMgBBcgCCsgDD8gEFMgFGcgGHsgHI8gIKMgJLcgKMsiDcI2HAAAAFElEQVR4nGNgVF7A4OLKwLjy3k0ADyMDr2MwnBQAAAAASUVORK5CYII="
const EIGHT_BITS =
  "iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAMAAACqqpYoAAAAPFBMVEUAAMgBBcgCCsgDD8gEFMgFGcgGHsgHI8gIKMgJLcgKMsgLN8gMPMgNQcgORsgPS8gQUMgRVcgSWsgTX8hOpVM+AAAAEElEQVR4nGNgYBRmYBJiAAAAlwApOaXD2QAAAABJRU5ErkJggg=="
const ONE_BIT =
  "iVBORw0KGgoAAAANSUhEUgAAAAkAAAABAQMAAAA2DBY+AAAABlBMVEUAAMgBBcj/lKvWAAAAC0lEQVR4nGPMFAcAAO8AgpQk934AAAAASUVORK5CYII="

const bytesOf = (base64: string) => Uint8Array.from(atob(base64), (one) => one.charCodeAt(0))

/** A palette PNG of 8 bits whose rows were filtered by hand; checksums are not read. */
function png(width: number, rows: number[][]) {
  const chunk = (type: string, data: Uint8Array) => {
    const length = new Uint8Array(4)
    new DataView(length.buffer).setUint32(0, data.length)
    return [...length, ...new TextEncoder().encode(type), ...data, 0, 0, 0, 0]
  }
  const header = Uint8Array.of(0, 0, 0, width, 0, 0, 0, rows.length, 8, 3, 0, 0, 0)
  const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
  const data = deflateSync(Uint8Array.from(rows.flat()))
  const parts = [chunk("IHDR", header), chunk("IDAT", data), chunk("IEND", Uint8Array.of())]
  return Uint8Array.from([...signature, ...parts.flat()])
}

describe("decodeMask", () => {
  it("reads one, four and eight bits a pixel", async () => {
    const four = await decodeMask(bytesOf(FOUR_BITS))
    expect([four.width, four.height]).toEqual([5, 3])
    expect([...four.indices]).toEqual([0, 1, 2, 3, 10, 4, 4, 4, 5, 0, 10, 9, 8, 7, 6])
    expect([...(await decodeMask(bytesOf(EIGHT_BITS))).indices]).toEqual([0, 1, 19, 2, 18, 0])
    expect([...(await decodeMask(bytesOf(ONE_BIT))).indices]).toEqual([0, 1, 1, 0, 1, 0, 0, 1, 1])
  })

  it("undoes each filter", async () => {
    const mask = await decodeMask(
      png(3, [
        [0, 5, 7, 9],
        [1, 5, 2, 2],
        [2, 1, 1, 1],
        [3, 1, 1, 1],
        [4, 1, 1, 1],
      ]),
    )
    // average: 1+(0+6)/2, 1+(4+8)/2, 1+(7+10)/2; Paeth: 1+4, 1+7 (guess 8), 1+9 (guess 11)
    expect([...mask.indices]).toEqual([5, 7, 9, 5, 7, 9, 6, 8, 10, 4, 7, 9, 5, 8, 10])
  })

  it("refuses what is no palette PNG, and one that ends too early", async () => {
    await expect(decodeMask(Uint8Array.of(1, 2, 3))).rejects.toThrow("not a PNG")
    const colors = png(1, [[0, 1]])
    colors[25] = 2
    await expect(decodeMask(colors)).rejects.toThrow("palette")
    await expect(decodeMask(png(3, [[0, 1]]))).rejects.toThrow("too early")
  })
})

describe("a mask", () => {
  const mask = { width: 2, height: 2, indices: Uint8Array.of(0, 1, 7, 0) }

  it("names what is under a spot", () => {
    expect(indexAt(mask, { x: 1.99, y: 0 })).toBe(1)
    expect(indexAt(mask, { x: 0.5, y: 1.5 })).toBe(7)
    expect(indexAt(mask, { x: 2, y: 0 })).toBeNull()
    expect(indexAt(mask, { x: -0.1, y: 0 })).toBeNull()
  })

  it("is painted in the categories' colours, and not at all elsewhere", () => {
    const pixels = paintMask(mask, new Map(["#ff8000", "#010203"].entries()))
    expect([...pixels]).toEqual([255, 128, 0, 255, 1, 2, 3, 255, 0, 0, 0, 0, 255, 128, 0, 255])
  })
})
