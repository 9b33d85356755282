import { Page } from "@/components/layout"
import { Markdown } from "@/components/markdown"
import { useDocumentTitle } from "@/lib/use-document-title"
import guide from "../../../docs/annotators.md?raw"
import styles from "./guide-page.module.css"

/** The annotators' guide, as it stands in the documents of this version. */
export function GuidePage() {
  useDocumentTitle("Guide for annotators")
  return (
    <Page>
      <div className={styles.guide}>
        <Markdown text={guide} top={1} />
      </div>
    </Page>
  )
}
