const COPIED = [
  "fill",
  "fill-opacity",
  "stroke",
  "stroke-opacity",
  "stroke-width",
  "stroke-dasharray",
  "font-family",
  "font-size",
  "text-anchor",
] as const
/** Pixels of a picture for each one of the screen. */
const SCALE = 2

/** The drawing as a file that needs no style sheet: colours as they are on the screen now. */
export function standaloneSvg(drawing: Element, background: string): string {
  const copy = drawing.cloneNode(true) as Element
  const originals = [drawing, ...drawing.querySelectorAll("*")]
  const copies = [copy, ...copy.querySelectorAll("*")]
  for (const [index, original] of originals.entries()) {
    const target = copies[index] as SVGElement | undefined
    const style = getComputedStyle(original)
    for (const name of COPIED) target?.setAttribute(name, style.getPropertyValue(name))
    target?.removeAttribute("class")
  }
  for (const style of copy.querySelectorAll("style")) style.remove()
  // What only the pointer shows is no part of it.
  for (const tip of copy.querySelectorAll('[aria-label="tip"]')) tip.remove()
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg")
  copy.removeAttribute("aria-hidden")
  const paper = document.createElementNS("http://www.w3.org/2000/svg", "rect")
  for (const [name, value] of Object.entries({ width: "100%", height: "100%", fill: background })) {
    paper.setAttribute(name, value)
  }
  copy.prepend(paper)
  return new XMLSerializer().serializeToString(copy)
}

/** What lies behind the drawing on the page. */
function backgroundOf(drawing: Element): string {
  for (let element: Element | null = drawing; element; element = element.parentElement) {
    const color = getComputedStyle(element).backgroundColor
    if (!/^(transparent|rgba\(.*, 0\))$/.test(color)) return color
  }
  return "white"
}

export function saveSvg(drawing: Element, name: string): void {
  const text = standaloneSvg(drawing, backgroundOf(drawing))
  saveBlob(new Blob([text], { type: "image/svg+xml" }), `${name}.svg`)
}

export async function savePng(drawing: Element, name: string): Promise<void> {
  const { width, height } = drawing.getBoundingClientRect()
  const picture = new Image()
  const text = standaloneSvg(drawing, backgroundOf(drawing))
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`
  await picture.decode()
  const canvas = document.createElement("canvas")
  canvas.width = Math.round(width * SCALE)
  canvas.height = Math.round(height * SCALE)
  canvas.getContext("2d")?.drawImage(picture, 0, 0, canvas.width, canvas.height)
  canvas.toBlob((blob) => blob && saveBlob(blob, `${name}.png`), "image/png")
}

function saveBlob(blob: Blob, name: string): void {
  const address = URL.createObjectURL(blob)
  const anchor = document.createElement("a")
  anchor.href = address
  anchor.download = name
  anchor.click()
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(address), 10_000)
}
