import { lazily } from "@/components/lazily"

/** Fetched where images have tiles. */
export const TileLayer = lazily(async () => (await import("./tile-layer")).TileLayer)
