import type { Category } from "@/api/projects"
import type { Rules, RulesSection } from "@/api/rules"
import { CategoryName } from "./badge"
import { Markdown } from "./markdown"
import styles from "./rules-view.module.css"

type RulesViewProps = {
  rules: Pick<Rules, "sections">
  /** With their colours. */
  categories: readonly Category[]
}

/** What rules say: of the project, and of each category. Titles in them stand below one of level 2. */
export function RulesView({ rules, categories }: RulesViewProps) {
  return (
    <div className={styles.sections}>
      {rules.sections.map((section) => (
        <Section key={section.category ?? ""} section={section} categories={categories} />
      ))}
    </div>
  )
}

type SectionProps = { section: RulesSection; categories: readonly Category[] }

function Section({ section, categories }: SectionProps) {
  const { category, category_id: id } = section
  const color = categories.find((one) => one.id === id)?.color ?? "#888"
  return (
    <section className={styles.section}>
      {category !== null && (
        <h3>
          <CategoryName name={category} color={color} />
        </h3>
      )}
      <Markdown text={section.text} top={category === null ? 3 : 4} />
      {section.pictures.length > 0 && (
        <ul className={styles.pictures}>
          {section.pictures.map(({ caption, picture }, index) => (
            <li key={picture?.id ?? `gone ${index}`}>
              <Picture caption={caption} picture={picture} />
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}

function Picture({ caption, picture }: RulesSection["pictures"][number]) {
  return (
    <figure className={styles.picture}>
      {picture ? (
        <a
          href={picture.url}
          target="_blank"
          rel="noreferrer"
          aria-label={`${caption || "Picture"} (large)`}
        >
          <img
            src={picture.url}
            alt={caption}
            width={picture.width}
            height={picture.height}
            loading="lazy"
          />
        </a>
      ) : (
        <p className={styles.gone}>This picture was deleted.</p>
      )}
      {caption && <figcaption>{caption}</figcaption>}
    </figure>
  )
}
