import { createStore } from "idb-keyval"
import { client, unwrap } from "@/api/client"
import type { Me } from "@/api/session"
import { exclusively, later } from "./browser"
import { type Kept, Outbox, type Verdict } from "./outbox"
import { parcelStore } from "./stores"
import { giveUp, mustBe, verdictOn } from "./transport"

/** One person's word on an image, on its way to the server; null takes it back. */
export type FlagParcel = Kept & {
  imageId: number
  imageName: string
  body: { text: string | null }
}

export async function sendFlag(parcel: FlagParcel): Promise<Verdict> {
  const request = { params: { path: { image_id: parcel.imageId } }, signal: giveUp() }
  const { text } = parcel.body
  try {
    await mustBe(parcel.annotatorId)
    if (text === null) await unwrap(client.DELETE("/api/v1/images/{image_id}/flag", request))
    else await unwrap(client.PUT("/api/v1/images/{image_id}/flag", { ...request, body: { text } }))
    return { kind: "saved" }
  } catch (error) {
    return verdictOn(error)
  }
}

const posts = new Map<number, Outbox<FlagParcel>>()

/** One outbox a person, which goes on sending when the labelling page is left. */
export function flagPostOf({ id }: Pick<Me, "id">): Outbox<FlagParcel> {
  const known = posts.get(id)
  if (known) return known
  const store = parcelStore<FlagParcel>(createStore("weakseg-flags", "flags"))
  const post = new Outbox({ annotatorId: id, store, send: sendFlag, exclusively, later })
  posts.set(id, post)
  window.addEventListener("online", () => post.retry())
  void post.load()
  return post
}

/** What waits to be sent of an image: text, that it is taken back (null), or nothing (undefined). */
export const waitingFor = (parcels: readonly FlagParcel[], imageId: number) =>
  parcels.findLast((parcel) => parcel.imageId === imageId)?.body.text
