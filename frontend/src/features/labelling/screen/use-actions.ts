import { type RefObject, useMemo, useState } from "react"
import { announcement } from "../answer/announce"
import {
  clicked,
  doubted,
  moved,
  onImage,
  pointRemoved,
  pressed,
  type Rules,
  type Sheet,
} from "../answer/sheet"
import type { CommandId } from "../keys/commands"
import type { Session } from "../loop/session"
import type { StageControls } from "../stage/stage"
import type { Spot } from "../stage/viewport"
import { useOpacity } from "./use-opacity"

const ZOOM_STEP = 1.5
const OPACITY_STEP = 0.1

export type OpenDialog = "help" | "skip" | null

/** What keys, buttons and the stage do. */
export function useActions(session: Session, rules: Rules, stage: RefObject<StageControls | null>) {
  const [dialog, setDialog] = useState<OpenDialog>(null)
  const [isHidden, setHidden] = useState(false)
  const [opacity, setOpacity] = useOpacity()
  const answer = useMemo(() => answerActions(session, rules), [session, rules])
  const { workspace } = session
  const commands: Record<CommandId, () => void> = {
    submit: () => void workspace.submit(),
    skip: () => workspace.snapshot().task && setDialog("skip"),
    back: () => void workspace.back(),
    forward: () => void workspace.forward(),
    leave: () => workspace.leave(),
    undo: () => answer.rewind(() => workspace.undo()),
    redo: () => answer.rewind(() => workspace.redo()),
    remove: () => answer.edit("remove", pointRemoved),
    hide: () => setHidden(true),
    stronger: () => setOpacity(opacity + OPACITY_STEP),
    weaker: () => setOpacity(opacity - OPACITY_STEP),
    "zoom-in": () => stage.current?.zoom(ZOOM_STEP),
    "zoom-out": () => stage.current?.zoom(1 / ZOOM_STEP),
    fit: () => stage.current?.fit(),
    help: () => setDialog("help"),
  }
  const run = (id: CommandId) => commands[id]()
  const release = () => setHidden(false)
  const skip = (reason: string) => {
    setDialog(null)
    void workspace.skip(reason)
  }
  return { ...answer, run, release, skip, dialog, setDialog, isHidden, opacity, setOpacity }
}

function answerActions({ workspace }: Session, rules: Rules) {
  const sheet = () => workspace.snapshot().draft?.history.present ?? null
  /** Do something and say what changed by it. */
  const rewind = (act: () => void) => {
    const before = sheet()
    act()
    const after = sheet()
    const said = before && after && announcement(before, after)
    if (said) workspace.say(said)
  }
  const edit = (kind: string, change: (sheet: Sheet) => Sheet) =>
    rewind(() => workspace.edit(kind, change))
  const onTheImage = (spot: Spot) => {
    const image = workspace.snapshot().task?.image
    return image ? onImage(spot, image) : spot
  }
  const tap = (spot: Spot) => {
    const before = sheet()
    edit("click", (now) => clicked(now, onTheImage(spot), rules))
    if (before?.active === null) workspace.say(noTurn(before, rules), true)
  }
  return {
    edit,
    rewind,
    tap,
    tick: (category: string) => edit(`tick ${category}`, (now) => pressed(now, category, rules)),
    doubt: (category: string) => edit(`doubt ${category}`, (now) => doubted(now, category, rules)),
    drag: (id: number, to: Spot) => edit(`move ${id}`, (now) => moved(now, id, onTheImage(to))),
    select: (point: number | null) => workspace.select(point),
  }
}

function noTurn(sheet: Sheet, rules: Rules): string {
  if (!rules.asksPoints) return "This project asks for no points."
  if (sheet.points.length > 0) return "All points are placed. Press a category for one more."
  return "Tick a category first, then click it."
}
