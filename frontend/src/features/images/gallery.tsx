import { useSuspenseInfiniteQuery } from "@tanstack/react-query"
import { Link } from "@tanstack/react-router"
import { Clock, ImageOff, Images } from "lucide-react"
import { messageOf } from "@/api/client"
import { type Image, type ImageFilter, imagesQuery, thumbnail } from "@/api/images"
import { Badge } from "@/components/badge"
import { Button } from "@/components/button"
import { Notice } from "@/components/notice"
import { EmptyState } from "@/components/states"
import { Table } from "@/components/table"
import { formatPlural } from "@/lib/format"
import styles from "./gallery.module.css"

const THUMBNAIL_WIDTH = 320

type GalleryProps = { projectId: number; filter: ImageFilter }

/** The images of a project that pass the filter, a page at a time. */
export function Gallery({ projectId, filter }: GalleryProps) {
  const query = useSuspenseInfiniteQuery(imagesQuery(projectId, filter))
  const images = query.data.pages.flatMap((page) => page.items)
  if (images.length === 0) return <NoImages filter={filter} />
  return (
    <>
      {filter === "rejected" ? (
        <RejectedTable images={images} />
      ) : (
        <ul className={styles.grid}>
          {images.map((image) => (
            <li key={image.id}>
              <Tile image={image} projectId={projectId} />
            </li>
          ))}
        </ul>
      )}
      <div className={styles.more}>
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

function NoImages({ filter }: { filter: ImageFilter }) {
  const isDone = filter === "unlabelled"
  return (
    <EmptyState icon={Images} title={isDone ? "Nothing left to label" : "No such image"}>
      {isDone ? "Every image has the labels that the project asks for." : "Try another filter."}
    </EmptyState>
  )
}

function Tile({ image, projectId }: { image: Image; projectId: number }) {
  return (
    <Link
      to="/projects/$projectId/images/$imageId"
      params={{ projectId, imageId: image.id }}
      className={styles.tile}
    >
      <span className={styles.picture}>
        <TilePicture image={image} />
        {image.labels > 0 && (
          <span className={styles.done}>
            <Badge tone="good">{formatPlural(image.labels, "label")}</Badge>
          </span>
        )}
      </span>
      <span className={styles.name} title={image.external_id}>
        {image.external_id}
      </span>
    </Link>
  )
}

function TilePicture({ image }: { image: Image }) {
  if (image.state === "rejected") return <ImageOff aria-label="Rejected" strokeWidth={1.5} />
  if (image.state === "registered") return <Clock aria-label="Not checked yet" strokeWidth={1.5} />
  return <img src={thumbnail(image, THUMBNAIL_WIDTH)} alt="" loading="lazy" decoding="async" />
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
