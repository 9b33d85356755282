import type { AuditEntry, AuditEvent } from "@/api/audit"
import { NOTHING } from "@/lib/format"

/** What happened, in words; in the order in which a filter offers them. */
export const EVENTS: Record<AuditEvent, string> = {
  "signed-in": "Signed in",
  "sign-in-failed": "Sign-in failed",
  "sign-in-locked": "Sign-in locked",
  "session-ended": "Session ended",
  "token-made": "Token made",
  "token-ended": "Token ended",
  "access-ended": "All access ended",
  "password-set": "Password set",
  "password-link-made": "Password link made",
  "second-factor-set": "Second factor set",
  "second-factor-removed": "Second factor removed",
  "identity-linked": "Linked with provider",
  "identity-removed": "Link with provider removed",
  "recovery-codes-made": "Recovery codes made",
  "recovery-code-used": "Recovery code used",
  "user-made": "User added",
  "role-changed": "Role changed",
  "user-locked": "User deactivated",
  "user-unlocked": "User activated",
  "member-added": "Member added",
  "member-changed": "Member changed",
  "member-removed": "Member removed",
  "dataset-added": "Dataset added",
  "project-made": "Project made",
  "settings-changed": "Settings changed",
  "rules-changed": "Rules published",
  "gold-requested": "Gold images requested",
  "images-imported": "Images imported",
  "labels-imported": "Labels imported",
  "labels-exported": "Labels exported",
  "audit-exported": "Audit log exported",
  "checkpoint-downloaded": "Checkpoint downloaded",
  "snapshot-downloaded": "Snapshot downloaded",
  "run-started": "Run started",
  "run-cancelled": "Run cancelled",
  "run-resumed": "Run resumed",
  "label-corrected": "Label corrected",
  "flag-answered": "Flag answered",
  "metadata-cut": "Metadata cut out of pictures",
  deleted: "Deleted",
  "log-trimmed": "Old lines removed",
}

/** Who did it: a person, the operator, the server, or somebody who was not signed in. */
export function whoOf({ user, user_id, door }: AuditEntry): string {
  if (user_id !== null) return user ?? `user ${user_id}`
  if (door === "command") return "command line"
  return door === "server" ? "the server" : "not signed in"
}

/** By which session or token, and from where. */
export function wayOf({ session_id, token_id, address }: AuditEntry): string {
  const by =
    token_id !== null ? `token ${token_id}` : session_id !== null && `session ${session_id}`
  return [by, address].filter(Boolean).join(", ") || NOTHING
}

/** What it was done to. */
export function thingOf({ subject, subject_id, subject_name, project_id }: AuditEntry): string {
  if (subject === null) return NOTHING
  const name = subject_name ?? `${subject} ${subject_id}`
  return project_id === null || subject === "project" ? name : `${name}, project ${project_id}`
}

/** `role: annotator → admin`, one for each thing that is told. */
export function changesOf({ before, after }: AuditEntry): string[] {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])]
  return names.map((name) => {
    const [was, is] = [before?.[name], after?.[name]]
    if (before && after && name in before && name in after)
      return `${name}: ${said(was)} → ${said(is)}`
    return `${name}: ${said(after && name in after ? is : was)}`
  })
}

function said(value: unknown): string {
  if (value === null || value === undefined) return "none"
  if (Array.isArray(value)) return value.length ? value.map(said).join(", ") : "none"
  return typeof value === "object" ? JSON.stringify(value) : String(value)
}
