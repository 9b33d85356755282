import { type RefObject, useEffect, useRef } from "react"
import type { SweptImage } from "@/api/sweeps"
import { afterPaint } from "@/lib/after-paint"
import { answerFor, toggled } from "./marks"
import type { Sweep } from "./sweep"
import styles from "./sweep.module.css"
import type { Turn } from "./sweep-state"
import { Tile } from "./tile"

type PageGridProps = { sweep: Sweep; turn: Turn; grid: RefObject<HTMLUListElement | null> }

/** A page's images; its clock starts when all of them are painted. */
export function PageGrid({ sweep, turn, grid }: PageGridProps) {
  const { page, marks, at } = turn
  const current = useRef<HTMLButtonElement>(null)
  usePainted(sweep, turn, grid)
  // biome-ignore lint/correctness/useExhaustiveDependencies: when another image is the current one
  useEffect(() => {
    const isElsewhere = document.activeElement?.closest("dialog, select, input")
    if (!isElsewhere) current.current?.focus()
  }, [page, at])
  const enlarge = (image: SweptImage) => {
    sweep.moveTo(page.images.indexOf(image))
    sweep.enlarge(true)
  }
  return (
    <ul className={styles.grid} ref={grid} aria-label={`Is there ${page.category}?`}>
      {page.images.map((image, index) => (
        <Tile
          key={image.id}
          image={image}
          answer={answerFor(marks, image)}
          isCurrent={index === at}
          ref={index === at ? current : null}
          onPress={() => sweep.answer(image, toggled)}
          onFocus={() => index !== at && sweep.moveTo(index)}
          onEnlarge={() => enlarge(image)}
        />
      ))}
    </ul>
  )
}

function usePainted(sweep: Sweep, { page }: Turn, grid: RefObject<HTMLUListElement | null>): void {
  useEffect(() => {
    let isShown = true
    let callOff: () => void = () => undefined
    const decoded = page.images.map(async (image) => {
      const picture = grid.current?.querySelector<HTMLImageElement>(`[data-image="${image.id}"]`)
      try {
        await picture?.decode()
      } catch {
        if (isShown) sweep.unseen(image)
      }
    })
    void Promise.all(decoded).then(() => {
      if (isShown) callOff = afterPaint(() => sweep.painted(page.id))
    })
    return () => {
      isShown = false
      callOff()
    }
  }, [sweep, page, grid])
}

/** How many images are beside each other. */
export function columnsOf(grid: HTMLElement | null): number {
  return grid ? getComputedStyle(grid).gridTemplateColumns.split(" ").length : 1
}
