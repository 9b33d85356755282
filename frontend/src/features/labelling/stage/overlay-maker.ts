import type { Mask } from "./mask"

/** A prediction, ready to be drawn and to be asked. */
export type Overlay = { bitmap: ImageBitmap; mask: Mask }

export type Order = { number: number; file: Blob; colors: readonly string[] }
export type Delivery = { number: number } & ({ overlay: Overlay } | { problem: string })

type Waiting = { resolve: (overlay: Overlay) => void; reject: (error: Error) => void }

const orders = new Map<number, Waiting>()
let worker: Worker | null = null
let lastNumber = 0

/** Decode a mask and paint it, one colour for each index. @throws {Error} when it cannot be read */
export function makeOverlay(file: Blob, colors: readonly string[]): Promise<Overlay> {
  lastNumber += 1
  const order: Order = { number: lastNumber, file, colors }
  theWorker().postMessage(order)
  return new Promise((resolve, reject) => {
    orders.set(order.number, { resolve, reject })
  })
}

/** Have what `makeOverlay` needs on its way before there is a mask. */
export function prepareOverlays(): void {
  theWorker()
}

function theWorker(): Worker {
  worker ??= startWorker()
  return worker
}

function startWorker(): Worker {
  const started = new Worker(new URL("./overlay-worker.ts", import.meta.url), { type: "module" })
  started.addEventListener("message", ({ data }: MessageEvent<Delivery>) => deliver(data))
  started.addEventListener("error", giveUp)
  return started
}

function deliver(delivery: Delivery): void {
  const order = orders.get(delivery.number)
  orders.delete(delivery.number)
  if ("overlay" in delivery) order?.resolve(delivery.overlay)
  else order?.reject(new Error(delivery.problem))
}

/** Its script could not be had; the next mask tries again. */
function giveUp(): void {
  for (const order of orders.values()) order.reject(new Error("masks cannot be read just now"))
  orders.clear()
  worker?.terminate()
  worker = null
}
