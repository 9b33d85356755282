/** What the page can do without until its first image is there, fetched as one file. */
export { RefusedLabels } from "../shared/refused-labels"
export { HelpDialog } from "./help-dialog"
export { RestNote, ReviewNote } from "./notes"
export { OverlayTools } from "./overlay-tools"
export { SeeingPanel } from "./seeing-panel"
export { SkipDialog } from "./skip-dialog"
export { Standstill } from "./standstill"
