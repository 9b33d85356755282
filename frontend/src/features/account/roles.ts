import type { Role } from "@/api/session"

export const ROLES: readonly { value: Role; label: string; description: string }[] = [
  { value: "annotator", label: "Annotator", description: "Labels images." },
  {
    value: "engineer",
    label: "Engineer",
    description: "Also sets up projects, imports images, starts runs.",
  },
  { value: "admin", label: "Administrator", description: "Also adds and changes users." },
]

export const roleLabel = (role: Role): string =>
  ROLES.find(({ value }) => value === role)?.label ?? role
