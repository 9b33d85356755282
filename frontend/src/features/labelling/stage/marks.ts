import type { Category } from "@/api/projects"
import type { Spot } from "../answer/geometry"

/** How the points of a category look: never told apart by colour alone. */
export type Mark = { color: string; ink: string; letter: string }
export type Marks = ReadonlyMap<string, Mark>

export function marksOf(categories: readonly Category[]): Marks {
  return new Map(
    categories.map(({ name, color, key }) => {
      return [name, { color, ink: inkOn(color), letter: key?.toUpperCase() ?? name.slice(0, 2) }]
    }),
  )
}

/** Black or white, whichever has more contrast (WCAG 2.2 relative luminance). */
function inkOn(color: string): string {
  const value = Number.parseInt(color.slice(1), 16)
  const linear = [value >> 16, value >> 8, value].map((byte) => {
    const share = (byte & 255) / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  const [red = 0, green = 0, blue = 0] = linear
  const luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
  return luminance > 0.179 ? "#000000" : "#ffffff"
}

export const UNKNOWN: Mark = { color: "#808080", ink: "#000000", letter: "?" }
const RING = 7
const BADGE = 17

type Look = { mark: Mark | undefined; isSelected: boolean }

/** A ring around the very spot, and beside it the category's letter on its colour. */
export function markPoint(context: CanvasRenderingContext2D, at: Spot, look: Look): void {
  const mark = look.mark ?? UNKNOWN
  const { color } = mark
  const radius = look.isSelected ? RING + 2 : RING
  ring(context, at, radius, { color: "#000000", width: look.isSelected ? 6 : 5 })
  ring(context, at, radius, { color: look.isSelected ? "#ffffff" : color, width: 3 })
  context.fillStyle = "#000000"
  context.fillRect(at.x - 2, at.y - 2, 4, 4)
  context.fillStyle = "#ffffff"
  context.fillRect(at.x - 1, at.y - 1, 2, 2)
  const corner = { x: at.x + radius + 1, y: at.y - radius - BADGE + 3 }
  badge(context, corner, { mark, size: BADGE, border: look.isSelected ? "#ffffff" : "#000000" })
}

type Badge = { mark: Mark; size: number; border?: string }

/** The category's letter on its colour, `at` its top left. */
export function badge(context: CanvasRenderingContext2D, at: Spot, look: Badge): void {
  const { mark, size, border = "#000000" } = look
  context.beginPath()
  context.roundRect(at.x, at.y, size, size, 4)
  context.fillStyle = mark.color
  context.fill()
  context.lineWidth = 1.5
  context.strokeStyle = border
  context.stroke()
  context.fillStyle = mark.ink
  context.font = `700 ${Math.round(size * (mark.letter.length > 1 ? 0.6 : 0.7))}px system-ui, sans-serif`
  context.textAlign = "center"
  context.textBaseline = "middle"
  context.fillText(mark.letter, at.x + size / 2, at.y + size / 2 + 0.5)
}

type Line = { color: string; width: number }

function ring(context: CanvasRenderingContext2D, at: Spot, radius: number, line: Line): void {
  context.beginPath()
  context.arc(at.x, at.y, radius, 0, 2 * Math.PI)
  context.lineWidth = line.width
  context.strokeStyle = line.color
  context.stroke()
}
