/** Saves what is at an address of this site, without leaving the page. */
export function download(address: string): void {
  const anchor = document.createElement("a")
  anchor.href = address
  anchor.download = ""
  anchor.click()
}
