import { Feed, type Leased } from "./feed"
import { type Kept, Outbox } from "./outbox"

/** A feed from a server that always answers; `take` gives what is next. */
export const feedOf = <L extends Leased>(ahead: number, take: (count: number) => L[]): Feed<L> =>
  new Feed<L>({
    ahead: () => ahead,
    take: async (count) => take(count),
    renew: async () => [],
    release: () => undefined,
    isOnItsWay: () => false,
    isPassing: () => false,
    isSignedOut: () => false,
    isFull: () => false,
    later: () => () => undefined,
  })

/** An outbox to a server that takes everything; `sent` is what came there. */
export function outboxTo<P extends Kept>(sent: P[]): Outbox<P> {
  const store = { all: async () => [], put: async () => undefined, has: async () => true }
  return new Outbox<P>({
    annotatorId: 1,
    store: { ...store, remove: async () => undefined },
    send: async (parcel) => {
      sent.push(parcel)
      return { kind: "saved" }
    },
    exclusively: (task) => task(),
    later: () => () => undefined,
  })
}
