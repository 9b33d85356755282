import { useState } from "react"

const PLACE = "weakseg.overlay-opacity"
const USUAL = 0.35

/** How strongly the prediction is drawn, from 0 to 1; remembered on this device. */
export function useOpacity(): [number, (opacity: number) => void] {
  const [opacity, setOpacity] = useState(remembered)
  const change = (next: number) => {
    const kept = Math.min(1, Math.max(0, Math.round(next * 100) / 100))
    setOpacity(kept)
    localStorage.setItem(PLACE, String(kept))
  }
  return [opacity, change]
}

function remembered(): number {
  const kept = localStorage.getItem(PLACE)
  const opacity = kept === null ? USUAL : Number(kept)
  return opacity >= 0 && opacity <= 1 ? opacity : USUAL
}
