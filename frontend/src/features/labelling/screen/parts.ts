/** What the page can do without until its first image is there, fetched as one file. */
export { RefusedLabels } from "../shared/refused-labels"
export { Dialogs } from "./dialogs"
export { GuideTools } from "./guide-tools"
export { ReviewNote } from "./notes"
export { OverlayTools } from "./overlay-tools"
export { SeeingPanel } from "./seeing-panel"
export { Standstill } from "./standstill"
