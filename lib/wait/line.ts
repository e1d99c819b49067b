// line.ts: callers that wait for the same thing, served in the order in which they came.
//
// A caller in front that cannot be served yet holds up those behind it, which is what keeps the order; and only it
// is tried when something changes, so that a thousand parked callers cost one look and not a thousand.
//
// Callers whose attempts keep their order by themselves (`isOrdered`: none succeeds that was begun behind one that did
// not) are tried side by side, for as long as nobody waits in vain.

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
  readonly #isOrdered: boolean
  /** Tried side by side; they do not wait yet. */
  readonly #beside = new Set<Caller>()
  /** Their time is over, and they were not tried yet. */
  readonly #hurried = new Set<Caller>()
  #serving = false
  #trying: Caller | undefined
  #again = false
  #closed: { readonly reason: unknown } | undefined

  constructor(attendance: Attendance, { isOrdered = false } = {}) {
    this.#attendance = attendance
    this.#isOrdered = isOrdered
  }

  /** Those that wait. */
  get length(): number {
    return this.#callers.size - this.#beside.size
  }

  /** Stands at the end, and is tried at once if nobody in front waits. A closed line sends it away. */
  join(caller: Caller): void {
    if (this.#closed !== undefined) {
      const { reason } = this.#closed
      // What was begun before the line closed, and gets here late, goes in if it need not wait.
      if (this.#isOrdered) void caller.attempt().then((isAnswered) => isAnswered || caller.dismiss(reason))
      else caller.dismiss(reason)
      return
    }
    if (this.#isOrdered && this.length === 0) {
      void this.#tryBeside(caller)
      return
    }
    this.#callers.add(caller)
    this.#attendance.arrived()
    this.wake()
  }

  /** Somebody is tried now. */
  get isTrying(): boolean {
    return this.#serving || this.#beside.size > 0
  }

  /** Has its turn once those in front had theirs, or is sent away where one of them goes on waiting. */
  hurry(caller: Caller): void {
    this.#hurried.add(caller)
    this.wake()
  }

  /** Goes away; whoever was behind may be served now. */
  leave(caller: Caller): void {
    if (!this.#callers.delete(caller)) return
    if (this.#beside.delete(caller)) return
    this.#attendance.departed()
    // One that is served is followed by the next anyway.
    if (caller !== this.#trying) this.wake()
  }

  /** Something may have changed: tries the callers in order, up to the first that cannot be served. */
  wake(): void {
    if (this.length === 0) return
    this.#again = true
    // While others are tried beside it, the first would change places with those that turn out to wait as well.
    if (!this.#serving && this.#beside.size === 0) void this.#serve()
  }

  /** Sends away all who wait, and who come later. */
  close(reason: unknown): void {
    this.#closed = { reason }
    for (const caller of [...this.#callers]) caller.dismiss(reason)
  }

  async #tryBeside(caller: Caller): Promise<void> {
    this.#callers.add(caller)
    this.#beside.add(caller)
    if (await caller.attempt()) this.leave(caller)
    else {
      this.#beside.delete(caller)
      this.#attendance.arrived()
      this.#attendance.unserved()
    }
    // What came while they were tried may be what they wait for.
    if (this.#beside.size > 0) return
    this.wake()
    if (!this.#serving) this.#sendAway()
  }

  async #serve(): Promise<void> {
    this.#serving = true
    while (this.#again) {
      this.#again = false
      await this.#serveFront()
      this.#sendAway()
    }
    this.#serving = false
  }

  /** Those who have no time to wait any more, and whose turn did not come. */
  #sendAway(): void {
    for (const caller of this.#hurried) {
      this.#hurried.delete(caller)
      caller.dismiss(undefined)
    }
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
