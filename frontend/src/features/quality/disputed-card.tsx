import { useInfiniteQuery } from "@tanstack/react-query"
import { Link } from "@tanstack/react-router"
import { thumbnail } from "@/api/images"
import type { Project } from "@/api/projects"
import { type DisputedImage, disputedQuery } from "@/api/quality"
import { LinkButton } from "@/components/button"
import { Card } from "@/components/layout"
import { Loaded } from "@/components/states"
import { formatPlural } from "@/lib/format"
import styles from "./quality.module.css"

const SHOWN = 6
const THUMBNAIL_WIDTH = 320

/** The newest images on which people contradict each other, and the way to decide them. */
export function DisputedCard({ project }: { project: Project }) {
  const query = useInfiniteQuery(disputedQuery(project.id))
  const found = query.data?.pages.flatMap((page) => page.items)
  const hasSome = found !== undefined && found.length > 0
  return (
    <Card
      title={hasSome ? headline(found.length, query.hasNextPage) : "Disputed images"}
      aside={
        hasSome && (
          <div>
            <LinkButton
              to="/projects/$projectId/quality/review"
              params={{ projectId: project.id }}
              variant="primary"
            >
              Review them
            </LinkButton>
          </div>
        )
      }
    >
      <Loaded query={{ ...query, data: found }} height="11rem">
        {(images) =>
          images.length === 0 ? (
            <p className={styles.hint}>
              None. An image comes here when one person says that a category is present and another
              that it is absent.
            </p>
          ) : (
            <ul className={styles.disputed}>
              {images.slice(0, SHOWN).map((image) => (
                <li key={image.id}>
                  <Disputed image={image} projectId={project.id} />
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </Card>
  )
}

const headline = (count: number, hasMore: boolean): string =>
  hasMore ? `More than ${count} disputed images` : formatPlural(count, "disputed image")

function Disputed({ image, projectId }: { image: DisputedImage; projectId: number }) {
  return (
    <Link
      to="/projects/$projectId/images/$imageId"
      params={{ projectId, imageId: image.id }}
      search={{ state: "disputed" }}
      className={styles.tile}
    >
      <img src={thumbnail(image, THUMBNAIL_WIDTH)} alt="" loading="lazy" />
      <strong>{image.disputes.map(({ category }) => category).join(", ")}</strong>
      <span className={styles.hint}>{image.external_id}</span>
    </Link>
  )
}
