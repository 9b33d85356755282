import { lazily } from "@/components/lazily"
import { preloadDialogs } from "./lazy-dialogs"

const loadNotes = () => import("../later/notes")

export const SeeingPanel = lazily(async () => (await import("../later/seeing-panel")).SeeingPanel)
export const RestNote = lazily(async () => (await loadNotes()).RestNote)
export const ReviewNote = lazily(async () => (await loadNotes()).ReviewNote)
export const RefusedLabels = lazily(async () => (await loadNotes()).RefusedLabels)
export const MoreBelow = lazily(async () => (await import("../later/more-below")).MoreBelow)
export const Standstill = lazily(async () => (await import("../later/standstill")).Standstill)
export const OverlayTools = lazily(
  async () => (await import("../later/overlay-tools")).OverlayTools,
)

/** What any moment may ask for, fetched after the first image: later there may be no network. */
export function preloadParts(): void {
  preloadDialogs()
  for (const part of [
    SeeingPanel,
    RestNote,
    RefusedLabels,
    ReviewNote,
    MoreBelow,
    Standstill,
    OverlayTools,
  ])
    part.preload()
}
