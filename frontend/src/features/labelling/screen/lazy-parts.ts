import { lazily } from "@/components/lazily"
import { SignInDialog } from "../shared/lazy-sign-in"

const loadNotes = () => import("./notes")

export const SkipDialog = lazily(async () => (await import("./skip-dialog")).SkipDialog)
export const HelpDialog = lazily(async () => (await import("./help-dialog")).HelpDialog)
export const SeeingPanel = lazily(async () => (await import("./seeing-panel")).SeeingPanel)
export const RestNote = lazily(async () => (await loadNotes()).RestNote)
export const ReviewNote = lazily(async () => (await loadNotes()).ReviewNote)
export const RefusedLabels = lazily(
  async () => (await import("../shared/refused-labels")).RefusedLabels,
)
export const MoreBelow = lazily(async () => (await import("../shared/more-below")).MoreBelow)
export const Standstill = lazily(async () => (await import("./standstill")).Standstill)
export const OverlayTools = lazily(async () => (await import("./overlay-tools")).OverlayTools)

/** What any moment may ask for, fetched after the first image: later there may be no network. */
export function preloadParts(): void {
  for (const part of [
    SignInDialog,
    SkipDialog,
    HelpDialog,
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
