import { type RefObject, useMemo, useRef, useState } from "react"
import { announcement } from "../answer/announce"
import { onImage, type Spot } from "../answer/geometry"
import { type Edit, EMPTY_SHEET, moved } from "../answer/sheet"
import { clicked, doubted, refuted, settled, wouldTakePoints } from "../answer/turns"
import { categoryKeys } from "../keys/answer-keys"
import { labellingCommands } from "../keys/commands"
import type { Session } from "../loop/session"
import type { Rules } from "../modes/mode"
import type { StageControls } from "../stage/stage"
import { useSeeing } from "./use-seeing"

const ZOOM_STEP = 1.5

export type OpenDialog = "help" | "skip" | "flag" | "rules" | null

type Options = {
  session: Session
  rules: Rules
  personId: number
  stage: RefObject<StageControls | null>
}

/** What keys, buttons and the stage do. */
export function useActions({ session, rules, personId, stage }: Options) {
  const [dialog, setDialog] = useState<OpenDialog>(null)
  const [isFinding, setFinding] = useState(false)
  const seeing = useSeeing(personId)
  const answer = useAnswer(session, rules)
  const { workspace } = session
  const commands = labellingCommands(rules.categories, {
    ...seeing.commands,
    submit: () => answer.settle() || void workspace.submit(),
    skip: () => workspace.snapshot().task && setDialog("skip"),
    flag: () => workspace.snapshot().task && setDialog("flag"),
    back: () => void workspace.back(),
    forward: () => void workspace.forward(),
    leave: () => workspace.leave(),
    find: () => setFinding(true),
    undo: () => answer.rewind(() => workspace.undo()),
    redo: () => answer.rewind(() => workspace.redo()),
    refute: () => answer.edit("refute", (sheet) => refuted(sheet, rules)),
    remove: () => answer.edit("remove", (sheet) => rules.mode.steppedBack(sheet)),
    "zoom-in": () => stage.current?.zoom(ZOOM_STEP),
    "zoom-out": () => stage.current?.zoom(1 / ZOOM_STEP),
    fit: () => stage.current?.fit(),
    rules: () => setDialog("rules"),
    help: () => setDialog("help"),
  })
  const shortcuts = [
    ...Object.values(commands),
    ...categoryKeys(rules.categories, answer),
    ...rules.mode.keys(rules, answer),
  ]
  const skip = (reason: string) => {
    setDialog(null)
    void workspace.skip(reason)
  }
  const stopFinding = () => {
    setFinding(false)
    workspace.askAnew()
  }
  const finding = { isFinding, stopFinding }
  return { ...answer, ...finding, seeing, commands, shortcuts, skip, dialog, setDialog }
}

export type Actions = ReturnType<typeof useActions>

/** A category's key that is down. */
type Held = { category: string; isWaiting: boolean }

/** What changes the answer, by key or by pointer. */
function useAnswer(session: Session, rules: Rules) {
  const held = useRef<Held | null>(null)
  const basic = useMemo(() => basicActions(session, rules), [session, rules])
  /** Taking points away waits for the key to come up: held, it may be for one more click. */
  const hold = (category: string) => {
    const sheet = basic.sheet()
    const isWaiting = sheet !== null && wouldTakePoints(sheet, category, rules)
    held.current = { category, isWaiting }
    if (!isWaiting) basic.tick(category)
  }
  const letGo = (category: string, isMeant: boolean) => {
    if (held.current?.category !== category) return
    if (held.current.isWaiting && isMeant) basic.tick(category)
    held.current = null
  }
  const onTap = (spot: Spot) => {
    const before = basic.sheet()
    const category = held.current?.category ?? null
    if (held.current) held.current.isWaiting = false
    basic.edit("click", (now) => clicked(now, basic.onTheImage(spot), rules, category))
    if (before && (category ?? before.active) === null) basic.sayNoTurn()
  }
  return { ...basic, hold, letGo, onTap }
}

function basicActions({ workspace }: Session, rules: Rules) {
  const sheet = () => workspace.snapshot().draft?.history.present ?? null
  /** Do something and say what changed by it. */
  const rewind = (act: () => void) => {
    const before = sheet()
    act()
    const after = sheet()
    const said = before && after && announcement(before, after, rules)
    if (said) workspace.say(said)
  }
  const edit: Edit = (kind, change) => rewind(() => workspace.edit(kind, change))
  const onTheImage = (spot: Spot) => {
    const image = workspace.snapshot().task?.image
    return image ? onImage(spot, image) : spot
  }
  return {
    sheet,
    edit,
    rewind,
    onTheImage,
    sayNoTurn: () => workspace.say(rules.mode.noTurn(sheet() ?? EMPTY_SHEET), true),
    /** Whether the tags were given by this, and points come next. */
    settle: () => {
      const now = sheet()
      if (!(now && rules.mode.isBeforePoints(now))) return false
      edit("settle", (before) => settled(before, rules))
      workspace.askAnew()
      return true
    },
    tick: (category: string) =>
      edit(`tick ${category}`, (now) => rules.mode.pressed(now, category, rules)),
    doubt: (category: string) => edit(`doubt ${category}`, (now) => doubted(now, category, rules)),
    onDrag: (id: number, to: Spot) => edit(`move ${id}`, (now) => moved(now, id, onTheImage(to))),
    onSelect: (point: number | null) => workspace.select(point),
  }
}
