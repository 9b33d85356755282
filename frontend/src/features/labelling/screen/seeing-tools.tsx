import { SlidersHorizontal } from "lucide-react"
import { useState } from "react"
import { Button } from "@/components/button"
import { SeeingPanel, type SeeingProps } from "./seeing-panel"
import styles from "./seeing-tools.module.css"

/** How the image is shown, in a small window above its button. */
export function SeeingTools({ seeing, commands, hasSafeColors, onSafeColors }: SeeingProps) {
  const [isOpen, setOpen] = useState(false)
  return (
    <>
      <Button
        variant="quiet"
        size="icon"
        aria-label="Brightness, contrast, colours"
        title="Brightness, contrast, colours"
        popoverTarget="seeing"
      >
        <SlidersHorizontal aria-hidden="true" />
      </Button>
      <section
        id="seeing"
        popover="auto"
        className={styles.popover}
        aria-label="Image settings"
        onToggle={(event) => setOpen(event.newState === "open")}
      >
        {isOpen && <SeeingPanel {...{ seeing, commands, hasSafeColors, onSafeColors }} />}
      </section>
    </>
  )
}
