import { useQuery } from "@tanstack/react-query"
import { imageFlagsQuery } from "@/api/flags"
import type { Project } from "@/api/projects"
import { Card } from "@/components/layout"
import { FlagWords } from "./flag-words"
import styles from "./flags.module.css"

/** The flags on one image: everybody's for leads, else one's own; nothing where there is none. */
export function ImageFlags({ project, imageId }: { project: Project; imageId: number }) {
  const { data = [] } = useQuery(imageFlagsQuery(imageId))
  if (data.length === 0) return null
  return (
    <Card title={data.length === 1 ? "Flag" : "Flags"}>
      <ul className={styles.list}>
        {data.map((flag) => (
          <li key={`${flag.id} ${flag.flagged_at}`}>
            <FlagWords project={project} flag={flag} />
          </li>
        ))}
      </ul>
    </Card>
  )
}
