import { paintMask } from "./mask"
import { decodeMask } from "./mask-file"
import type { Delivery, Order } from "./overlay-maker"

/** Runs beside the page: two million pixels would hold up its keys and its frames. */
addEventListener("message", async ({ data: order }: MessageEvent<Order>) => {
  const { number } = order
  try {
    const overlay = await overlayOf(order)
    const delivery: Delivery = { number, overlay }
    postMessage(delivery, { transfer: [overlay.bitmap, overlay.mask.indices.buffer] })
  } catch (error) {
    const delivery: Delivery = { number, problem: String(error) }
    postMessage(delivery)
  }
})

async function overlayOf({ file, colors }: Order) {
  const mask = await decodeMask(new Uint8Array(await file.arrayBuffer()))
  const pixels = new ImageData(paintMask(mask, new Map(colors.entries())), mask.width, mask.height)
  return { mask, bitmap: await createImageBitmap(pixels) }
}
