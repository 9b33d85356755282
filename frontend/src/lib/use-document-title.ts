import { useEffect } from "react"

/** Names the page in the browser's tab, its history, and for screen readers. */
export function useDocumentTitle(name: string): void {
  useEffect(() => {
    document.title = name ? `${name} · weakseg` : "weakseg"
  }, [name])
}
