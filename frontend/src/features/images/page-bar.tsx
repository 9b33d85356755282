import { useQuery } from "@tanstack/react-query"
import { useNavigate } from "@tanstack/react-router"
import { ChevronFirst, ChevronLast, ChevronLeft, ChevronRight } from "lucide-react"
import { type FormEvent, type ReactNode, useId, useState } from "react"
import type { Schemas } from "@/api/client"
import { LAST_PAGE } from "@/api/image-filter"
import { type ImageFilter, imageTotalQuery, type ListPlace, PAGE_SIZE } from "@/api/images"
import { Button } from "@/components/button"
import field from "@/components/field.module.css"
import { formatCount, formatPlural } from "@/lib/format"
import styles from "./gallery.module.css"
import { type Direction, useArrowKeys } from "./use-arrow-keys"

type PageBarProps = {
  projectId: number
  filter: ImageFilter
  place: ListPlace
  /** The page that the list begins with. */
  shown: Schemas["ImagePage"] | undefined
}

/** How many images there are, and the ways to other pages of them. */
export function PageBar({ projectId, filter, place, shown }: PageBarProps) {
  const { data: total } = useQuery(imageTotalQuery(projectId, filter))
  return (
    <nav className={styles.pages} aria-label="Pages">
      <span role="status">{total && totalOf(total)}</span>
      {(shown?.previous_cursor || shown?.next_cursor) && (
        <Turns
          projectId={projectId}
          filter={filter}
          place={place}
          shown={shown}
          pages={total?.is_exact ? Math.max(1, Math.ceil(total.count / PAGE_SIZE)) : undefined}
        />
      )}
    </nav>
  )
}

function Turns({ projectId, filter, place, shown, pages }: PageBarProps & { pages?: Known }) {
  const navigate = useNavigate()
  const here = place.page === LAST_PAGE ? (pages ?? LAST_PAGE) : (place.page ?? 1)
  const ways = waysFrom(here, shown, pages)
  const go = (to: ListPlace | null) =>
    to &&
    navigate({
      to: "/projects/$projectId/images",
      params: { projectId },
      search: { ...filter, ...to },
    })
  useArrowKeys((direction) => go(ways[direction]))
  return (
    <div className={styles.turns}>
      <Turn label="First page" to={ways.first} onGo={go}>
        <ChevronFirst />
      </Turn>
      <Turn label="Previous page" keyName="ArrowLeft" to={ways.previous} onGo={go}>
        <ChevronLeft />
      </Turn>
      <PageField
        key={here}
        page={here}
        pages={pages}
        onGo={(page) => go(page === 1 ? {} : { page })}
      />
      <Turn label="Next page" keyName="ArrowRight" to={ways.next} onGo={go}>
        <ChevronRight />
      </Turn>
      <Turn label="Last page" to={ways.last} onGo={go}>
        <ChevronLast />
      </Turn>
    </div>
  )
}

const totalOf = ({ count, is_exact }: Schemas["ImageTotal"]): string =>
  is_exact ? formatPlural(count, "image") : `More than ${formatPlural(count, "image")}`

type Known = number | undefined

type Ways = Record<"first" | "last" | Direction, ListPlace | null>

/** Where the ways from a page lead; null where there is nothing. */
export function waysFrom(
  here: number,
  shown: Pick<Schemas["ImagePage"], "previous_cursor" | "next_cursor"> | undefined,
  pages: number | undefined,
): Ways {
  const before = shown?.previous_cursor
  const after = shown?.next_cursor
  // Counted from the end, the number of a page is not known where the number of all is not.
  const numbered = here !== LAST_PAGE
  const back = { ...(numbered && { page: here - 1 }), before: before ?? "" }
  return {
    first: before ? {} : null,
    previous: before ? (here === 2 ? {} : back) : null,
    next: after ? { ...(numbered && { page: here + 1 }), after } : null,
    last: after ? { page: pages ?? LAST_PAGE } : null,
  }
}

type TurnProps = {
  label: string
  keyName?: "ArrowLeft" | "ArrowRight"
  to: ListPlace | null
  onGo: (to: ListPlace) => void
  children: ReactNode
}

function Turn({ label, keyName, to, onGo, children }: TurnProps) {
  return (
    <Button
      size="icon"
      variant="quiet"
      aria-label={label}
      aria-keyshortcuts={keyName}
      title={keyName ? `${label} (${keyName === "ArrowLeft" ? "←" : "→"})` : label}
      disabled={to === null}
      onClick={() => to && onGo(to)}
    >
      {children}
    </Button>
  )
}

type PageFieldProps = { page: number; pages: number | undefined; onGo: (page: number) => void }

/** The number of the page, which takes another one. */
function PageField({ page, pages, onGo }: PageFieldProps) {
  const id = useId()
  const [text, setText] = useState(page > 0 ? String(page) : "")
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const wanted = Math.min(Number(text), pages ?? Number(text))
    if (Number.isSafeInteger(wanted) && wanted > 0) onGo(wanted)
  }
  return (
    <form className={styles.turnto} onSubmit={submit}>
      <label htmlFor={id}>Page</label>
      <input
        id={id}
        className={field.input}
        inputMode="numeric"
        pattern="[0-9]*"
        autoComplete="off"
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      {pages !== undefined && <span>of {formatCount(pages)}</span>}
    </form>
  )
}
