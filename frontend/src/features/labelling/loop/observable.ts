/** Something that tells when it has changed. */
export class Observable {
  private readonly listeners = new Set<() => void>()

  /** Returns how to stop listening. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  protected notify(): void {
    for (const listener of this.listeners) listener()
  }
}
