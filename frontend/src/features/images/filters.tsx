import { useQuery } from "@tanstack/react-query"
import { Link, useNavigate } from "@tanstack/react-router"
import { usersQuery } from "@/api/accounts"
import { parseImageFilter } from "@/api/image-filter"
import type { ImageFilter } from "@/api/images"
import { leads } from "@/api/members"
import type { Project } from "@/api/projects"
import { type Me, mayAct } from "@/api/session"
import { CheckField } from "@/components/choice-field"
import { type Option, Select } from "@/components/select"
import { formatCount } from "@/lib/format"
import styles from "./gallery.module.css"
import { NameSearchField } from "./name-search"

type StateChoice = { state: ImageFilter["state"] | null; label: string; count: number | null }

/** Annotators see what they were given to label. */
const OWN: StateChoice[] = [
  { state: null, label: "All", count: null },
  { state: "unlabelled", label: "To label", count: null },
  { state: "labelled", label: "Labelled", count: null },
  { state: "flagged", label: "Flagged", count: null },
]

/** The states that make sense now; rare ones only show up when there are such images. */
function stateChoices({ images, overlap, role }: Project, seesOthers: boolean): StateChoice[] {
  if (role === "annotator") return OWN
  const choices: StateChoice[] = [
    { state: null, label: "All", count: images.total },
    { state: "unlabelled", label: "To label", count: null },
    // With several people per image it also holds those that some have still to label.
    { state: "labelled", label: "Labelled", count: overlap === 1 ? images.labelled : null },
    { state: "disputed", label: "Disputed", count: null },
    { state: "flagged", label: "Flagged", count: null },
    { state: "registered", label: "Not checked yet", count: images.registered },
    { state: "rejected", label: "Rejected", count: images.rejected },
  ]
  return choices.filter(({ state, count }) => {
    if (state === "disputed") return seesOthers && overlap > 1
    if (state === "flagged") return seesOthers
    return state === "registered" || state === "rejected" ? count !== 0 : true
  })
}

const CHOSEN = { "data-status": "active", "aria-current": "page" } as const

type FiltersProps = { project: Project; filter: ImageFilter; me: Me }

export function Filters({ project, filter, me }: FiltersProps) {
  const seesOthers = leads(project)
  const set = useSet(project.id)
  const { state: _, ...others } = filter
  return (
    <div className={styles.narrowing}>
      <nav className={styles.filters} aria-label="Images by state">
        {stateChoices(project, seesOthers).map(({ state, label, count }) => (
          <Link
            key={label}
            to="/projects/$projectId/images"
            params={{ projectId: project.id }}
            search={state ? { ...others, state } : others}
            activeOptions={{ exact: true, includeSearch: true }}
            // Of all its pages, of which an address has one.
            {...((filter.state ?? null) === state && CHOSEN)}
            className={styles.filter}
          >
            {label}
            {count !== null && <span className={styles.count}>{formatCount(count)}</span>}
          </Link>
        ))}
      </nav>
      <NameSearchField
        key={filter.name ?? ""}
        name={filter.name ?? ""}
        onSearch={(name) => set({ name: name || undefined })}
      />
      <Conditions project={project} filter={filter} me={me} />
    </div>
  )
}

const ANY = "*"

const SAID: readonly Option<NonNullable<ImageFilter["said"]>>[] = [
  { value: "present", label: "Present" },
  { value: "absent", label: "Absent" },
  { value: "unsure", label: "Unsure" },
  { value: "disputed", label: "Disputed" },
]

const ORDERS: readonly Option<NonNullable<ImageFilter["order"]>>[] = [
  { value: "imported", label: "As imported" },
  { value: "uncertain", label: "Most uncertain first" },
]

type Change = { [Name in keyof ImageFilter]: ImageFilter[Name] | undefined }

/** Changes conditions in the address; the list begins anew. */
function useSet(projectId: number) {
  const navigate = useNavigate()
  return (change: Change) =>
    navigate({
      to: "/projects/$projectId/images",
      params: { projectId },
      // Of what is in the address by now: two changes may come before one is shown.
      search: (now) => parseImageFilter({ ...now, ...change }),
      replace: true,
    })
}

/** What else can be asked; what others or the model say is for leads. */
function Conditions({ project, filter, me }: FiltersProps) {
  const set = useSet(project.id)
  const { category, said = "present", annotator, disagrees = false, order = "imported" } = filter
  if (!leads(project)) {
    return (
      <CheckField
        label="Only what I labelled"
        isSelected={annotator === me.id}
        onChange={(isMine) => set({ annotator: isMine ? me.id : undefined })}
      />
    )
  }
  const names = project.categories.map(({ name }) => ({ value: name, label: name }))
  return (
    <div className={styles.conditions}>
      <Select
        label="Category"
        options={[{ value: ANY, label: "Any" }, ...names]}
        value={category ?? ANY}
        onChange={(name) => set({ category: name === ANY ? undefined : name })}
      />
      {category && (
        <Select
          label={`What people say of ${category}`}
          options={SAID}
          value={said}
          onChange={(wanted) => set({ said: wanted })}
        />
      )}
      <AnnotatorSelect me={me} value={annotator} onChange={(id) => set({ annotator: id })} />
      <Select
        label="Order"
        options={ORDERS}
        value={order}
        onChange={(wanted) => set({ order: wanted })}
      />
      <CheckField
        label="The model disagrees"
        isSelected={disagrees}
        onChange={(wanted) => set({ disagrees: wanted })}
      />
    </div>
  )
}

type AnnotatorSelectProps = {
  me: Me
  value: number | undefined
  onChange: (id: number | undefined) => void
}

/** All accounts are known to an admin alone; others can ask for their own labels. */
function AnnotatorSelect({ me, value, onChange }: AnnotatorSelectProps) {
  const { data: users = [] } = useQuery({ ...usersQuery, enabled: mayAct(me.role, "admin") })
  const others = users.filter(({ id }) => id !== me.id)
  return (
    <Select
      label="Labelled by"
      options={[
        { value: ANY, label: "Anybody" },
        { value: String(me.id), label: "Me" },
        ...others.map(({ id, email }) => ({ value: String(id), label: email })),
      ]}
      value={value === undefined ? ANY : String(value)}
      onChange={(id) => onChange(id === ANY ? undefined : Number(id))}
    />
  )
}
