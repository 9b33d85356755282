import { useState } from "react"
import { changedLook, LIMITS, type Look, PLAIN } from "../stage/look"
import { useRemembered } from "./use-remembered"

const OPACITY_STEP = 0.1
const LOOK_STEP = 1.15
const USUAL_OPACITY = 0.35

/** How a person sees the image and the prediction; it says nothing of the image itself. */
export function useSeeing(personId: number) {
  const [opacity, setOpacity] = useRemembered("weakseg.overlay-opacity", opacityFrom)
  const [look, setLook] = useRemembered(`weakseg.look.${personId}`, lookFrom)
  const [held, setHeld] = useState<ReadonlySet<string>>(new Set())
  const [only, showOnly] = useState<string | null>(null)
  const fade = (next: number) => setOpacity(opacityFrom(Math.round(next * 100) / 100))
  const adjust = (property: keyof Look, value: number) =>
    setLook(changedLook(look, property, value))
  const stepped = (property: keyof Look, factor: number) => () =>
    adjust(property, look[property] * factor)
  const whileHeld = (id: string) => ({
    run: () => setHeld((now) => new Set(now).add(id)),
    release: () => setHeld((now) => new Set([...now].filter((other) => other !== id))),
  })
  const commands = {
    hide: whileHeld("hide"),
    single: whileHeld("single"),
    previous: whileHeld("previous"),
    stronger: () => fade(opacity + OPACITY_STEP),
    weaker: () => fade(opacity - OPACITY_STEP),
    brighter: stepped("brightness", LOOK_STEP),
    darker: stepped("brightness", 1 / LOOK_STEP),
    crisper: stepped("contrast", LOOK_STEP),
    flatter: stepped("contrast", 1 / LOOK_STEP),
    lighter: stepped("gamma", LOOK_STEP),
    deeper: stepped("gamma", 1 / LOOK_STEP),
    plain: () => setLook(PLAIN),
  }
  const isHidden = held.has("hide")
  const view = { opacity: isHidden ? 0 : opacity, only, isSingle: held.has("single") }
  return { opacity, fade, look, adjust, held, isHidden, view, showOnly, commands }
}

function opacityFrom(kept: unknown): number {
  return typeof kept === "number" ? Math.min(1, Math.max(0, kept)) : USUAL_OPACITY
}

function lookFrom(kept: unknown): Look {
  const known: Partial<Record<keyof Look, unknown>> = typeof kept === "object" && kept ? kept : {}
  const properties = Object.keys(LIMITS) as (keyof Look)[]
  return properties.reduce((look, property) => {
    const value = known[property]
    return typeof value === "number" ? changedLook(look, property, value) : look
  }, PLAIN)
}
