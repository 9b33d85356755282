import { Download } from "lucide-react"
import { LABEL_FORMATS, labelExportUrl } from "@/api/label-files"
import { Menu } from "@/components/menu"
import { MenuButton } from "@/components/menu-button"
import { download } from "@/lib/download"

/** Everybody's current labels, as a file in a format of choice. */
export function LabelExport({ projectId }: { projectId: number }) {
  return (
    <Menu
      label="Format of the exported labels"
      placement="bottom start"
      trigger={
        <MenuButton label="Export labels">
          <Download aria-hidden="true" />
          Export labels
        </MenuButton>
      }
      entries={LABEL_FORMATS.map(({ value, label, description }) => ({
        id: value,
        label,
        description,
        onAction: () => download(labelExportUrl(projectId, value)),
      }))}
    />
  )
}
