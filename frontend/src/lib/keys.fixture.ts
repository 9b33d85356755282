/** A press as a browser tells of it, without any modifier. */
export const pressed = (key: string, change: Partial<KeyboardEvent> = {}): KeyboardEvent =>
  ({
    key,
    code: "",
    shiftKey: false,
    ctrlKey: false,
    metaKey: false,
    altKey: false,
    isComposing: false,
    keyCode: 0,
    target: null,
    getModifierState: () => false,
    ...change,
  }) as KeyboardEvent
