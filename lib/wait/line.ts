// line.ts: callers that wait for the same thing, served in the order in which they came.
//
// A caller in front that cannot be served yet holds up those behind it, which is what keeps the order; and only it
// is tried when something changes, so that a thousand parked callers cost one look and not a thousand.

/** One parked caller. */
export interface Caller {
  /** Tries once; true when it has been answered, in whatever way. Never rejects. */
  attempt(): Promise<boolean>
  /** Answers it with `reason`, unless an attempt under way does. */
  dismiss(reason: unknown): void
}

/** Told of each who comes, of one who was tried in vain and so waits on, and of each who goes. */
export interface Attendance {
  arrived(): void
  unserved(): void
  departed(): void
}

export class Line {
  readonly #callers = new Set<Caller>()
  readonly #attendance: Attendance
  #serving = false
  #trying: Caller | undefined
  #again = false
  #closed: { readonly reason: unknown } | undefined

  constructor(attendance: Attendance) {
    this.#attendance = attendance
  }

  get length(): number {
    return this.#callers.size
  }

  /** Stands at the end, and is tried at once if nobody is in front. A closed line sends it away. */
  join(caller: Caller): void {
    if (this.#closed !== undefined) {
      caller.dismiss(this.#closed.reason)
      return
    }
    this.#callers.add(caller)
    this.#attendance.arrived()
    this.wake()
  }

  /** Goes away; whoever was behind may be served now. */
  leave(caller: Caller): void {
    if (!this.#callers.delete(caller)) return
    this.#attendance.departed()
    // One that is served is followed by the next anyway.
    if (caller !== this.#trying) this.wake()
  }

  /** Something may have changed: tries the callers in order, up to the first that cannot be served. */
  wake(): void {
    if (this.#callers.size === 0) return
    this.#again = true
    if (!this.#serving) void this.#serve()
  }

  /** Sends away all who wait, and who come later. */
  close(reason: unknown): void {
    this.#closed = { reason }
    for (const caller of [...this.#callers]) caller.dismiss(reason)
  }

  async #serve(): Promise<void> {
    this.#serving = true
    while (this.#again) {
      this.#again = false
      await this.#serveFront()
    }
    this.#serving = false
  }

  async #serveFront(): Promise<void> {
    for (const caller of this.#callers) {
      this.#trying = caller
      const answered = await caller.attempt()
      if (answered) this.leave(caller)
      this.#trying = undefined
      if (answered) continue
      this.#attendance.unserved()
      return
    }
  }
}
