import { useSuspenseInfiniteQuery } from "@tanstack/react-query"
import { Images } from "lucide-react"
import { type KeyboardEvent, useRef, useState } from "react"
import { messageOf } from "@/api/client"
import { type Image, type ImageFilter, imagesQuery, type ListPlace } from "@/api/images"
import { Button, LinkButton } from "@/components/button"
import { Notice } from "@/components/notice"
import { EmptyState } from "@/components/states"
import { Table } from "@/components/table"
import styles from "./gallery.module.css"
import { PageBar } from "./page-bar"
import { extended, NOTHING_SELECTED, toggled } from "./selection"
import { SelectionBar } from "./selection-bar"
import { Tile } from "./tile"
import { useEndless } from "./use-endless"

type GalleryProps = {
  projectId: number
  filter: ImageFilter
  /** Where in the list it begins. */
  place: ListPlace
  /** Whether the person may do something with a selection. */
  maySelect: boolean
}

/** The images of a project that pass the filter, more of them as one scrolls. */
export function Gallery({ projectId, filter, place, maySelect }: GalleryProps) {
  const query = useSuspenseInfiniteQuery(imagesQuery(projectId, filter, place))
  const end = useRef<HTMLDivElement>(null)
  useEndless(end, query)
  const images = query.data.pages.flatMap((page) => page.items)
  if (images.length === 0) return <NoImages projectId={projectId} filter={filter} place={place} />
  return (
    <>
      <PageBar projectId={projectId} filter={filter} place={place} shown={query.data.pages[0]} />
      {filter.state === "rejected" ? (
        <RejectedTable images={images} />
      ) : (
        <Grid projectId={projectId} filter={filter} maySelect={maySelect} images={images} />
      )}
      <div ref={end} className={styles.more}>
        {query.error && <Notice tone="bad">{messageOf(query.error)}</Notice>}
        {query.hasNextPage && (
          <Button onClick={() => query.fetchNextPage()} isPending={query.isFetchingNextPage}>
            Load more
          </Button>
        )}
      </div>
    </>
  )
}

type GridProps = Omit<GalleryProps, "place"> & { images: Image[] }

function Grid({ projectId, filter, maySelect, images }: GridProps) {
  const [selection, setSelection] = useState(NOTHING_SELECTED)
  const order = images.map(({ id }) => id)
  const selected = order.filter((id) => selection.ids.has(id))
  const select = (id: number, isRange: boolean) =>
    setSelection((before) => (isRange ? extended(before, id, order) : toggled(before, id)))
  const clear = () => setSelection(NOTHING_SELECTED)
  const clearByKey = ({ key, defaultPrevented }: KeyboardEvent) => {
    if (key === "Escape" && !defaultPrevented) clear()
  }
  return (
    <>
      <ul
        className={styles.grid}
        data-selecting={selected.length > 0 || undefined}
        onKeyDown={clearByKey}
      >
        {images.map((image) => (
          <Tile
            key={image.id}
            image={image}
            projectId={projectId}
            filter={filter}
            {...(maySelect && {
              selection: {
                isSelected: selection.ids.has(image.id),
                onSelect: (isRange) => select(image.id, isRange),
              },
            })}
          />
        ))}
      </ul>
      {selected.length > 0 && (
        <SelectionBar
          projectId={projectId}
          selected={selected}
          shown={order.length}
          onSelectAll={() => setSelection({ ids: new Set(order), anchor: null })}
          onClear={clear}
        />
      )}
    </>
  )
}

type NoImagesProps = Omit<GalleryProps, "maySelect">

function NoImages({ projectId, filter, place }: NoImagesProps) {
  if (Object.keys(place).length > 0) {
    return (
      <EmptyState
        icon={Images}
        title="The list ends before this page"
        actions={
          <LinkButton to="/projects/$projectId/images" params={{ projectId }} search={filter}>
            Show its first page
          </LinkButton>
        }
      >
        Images may have left it since the address was made.
      </EmptyState>
    )
  }
  const isDone = filter.state === "unlabelled" && Object.keys(filter).length === 1
  return (
    <EmptyState
      icon={Images}
      title={isDone ? "Nothing left to label" : "No such image"}
      actions={
        <LinkButton to="/projects/$projectId/images" params={{ projectId }} search={{}}>
          Show all images
        </LinkButton>
      }
    >
      {isDone ? "Every image has a label." : reasonOf(filter)}
    </EmptyState>
  )
}

/** Why a list may be empty in spite of its images. */
function reasonOf({ state, name, disagrees, order }: ImageFilter): string {
  if (name) {
    return `No name of these images has “${name}” in it. Capital and small letters differ.`
  }
  if (state === "disputed") {
    return "People agree wherever several of them labelled the same image."
  }
  if (disagrees) return "No label contradicts the latest model, or no run has predicted them yet."
  if (order) return "No run has predicted these images yet: predictions come with the next run."
  return "Nothing passes all of the filters."
}

function RejectedTable({ images }: { images: readonly Image[] }) {
  return (
    <Table
      label="Rejected images"
      rows={images}
      keyOf={(image) => image.id}
      columns={[
        { key: "name", title: "Image", kind: "long", cell: (image) => image.external_id },
        {
          key: "reason",
          title: "Reason",
          kind: "long",
          cell: (image) => image.reject_reason ?? "unknown",
        },
      ]}
    />
  )
}
