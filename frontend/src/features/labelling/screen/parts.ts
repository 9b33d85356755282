/** What the page can do without until its first image is there, fetched as one file. */
export { RefusedLabels } from "../shared/refused-labels"
export { Dialogs } from "./dialogs"
export { MoreTools } from "./more-tools"
export { ReviewNote } from "./notes"
export { Standstill } from "./standstill"
