// lock-share.ts: a handle's share of a lock that others want too. Who uses it all the time has it for a slice of some
// milliseconds; then, if others wait in the line, it waits behind them.
//
//     free ──taken again and again──▶ in the line ──its turn──▶ a slice ──over, others wait──▶ in the line
//       ▲                                                         │
//       └──────────────────────── nobody waits ◀──────────────────┘
//
// Who needs the lock now and then takes it where it finds it free. A round of all who wait takes 120 ms, however many
// they are. Where there is no line, because its file can't be made or read, each tries after pauses.

import { codeOf, type Disk, type DiskFile, openOrCreate } from '../disk/disk.ts'
import { OWNERS } from './layout.ts'
import { ACTIVE_MS, LockLine, type LogEnd, type Look, MOST_SLICE_MS } from './lock-line.ts'

const ROUND_MS = 120
const LEAST_SLICE_MS = 3
/** Steps between two looks at the clock. */
const STEPS = 8
/** Where so many steps take so long, the lock is hardly used. */
const RARELY_MS = 20

/** The line's file; undefined where it is not there and not to be made, or can't be. */
export type OpenLine = (make: boolean) => DiskFile | undefined

export class LockShare {
  /** Its slice is over, and others wait. */
  isOver = false
  /** Where its log ends, told to who is next. */
  end: () => LogEnd | undefined = () => undefined
  readonly #open: OpenLine
  readonly #name: Buffer
  readonly #now: () => number
  #line: LockLine | undefined
  #isBroken = false
  #steps = 0
  /** The end of its slice. */
  #until = 0
  #shownAt = 0
  #lookedAt = 0
  /** Since when it waits in the line; 0: it does not. */
  #came = 0

  constructor(open: OpenLine, name: Buffer, now: () => number) {
    this.#open = open
    this.#name = name
    this.#now = now
  }

  /** Under the lock: a step was made. */
  stepped(): void {
    this.#steps += 1
    if (this.#steps % STEPS === 0) this.#look()
  }

  #look(): void {
    const now = this.#now()
    const tookMs = now - this.#lookedAt
    this.#lookedAt = now
    if (tookMs > RARELY_MS) this.#until = now + LEAST_SLICE_MS
    else if (now >= this.#until) this.#end(now)
    else if (this.#line && now - this.#shownAt >= ACTIVE_MS) this.#show(now)
  }

  /** The slice is over: the lock goes on to who waits, if anybody does. */
  #end(now: number): void {
    if (!this.#line) this.#openLine(false)
    this.isOver = this.#safely((line) => line.others(now) > 0) ?? false
    this.#until = now + (this.isOver ? 0 : MOST_SLICE_MS)
    if (!this.isOver) return
    this.#show(now)
    const end = this.end()
    if (end) this.#safely((own) => own.tellEnd(end))
  }

  #show(now: number): void {
    this.#shownAt = now
    this.#safely((line) => line.show(this.#until, now))
  }

  /** Under the lock: where the log ended when it was told last. */
  toldEnd(): LogEnd | undefined {
    return this.#safely((line) => line.toldEnd())
  }

  /** Waits in the line, and looks who else does; undefined where there is none. */
  wait(): Look | undefined {
    if (!this.#line) this.#openLine(true)
    const now = this.#now()
    if (this.#came === 0) this.#came = now
    return this.#safely((line) => line.wait(this.#came, now))
  }

  /** It had the lock for the first time since it waited, beside so many others: its slice begins. */
  begin(others: number): void {
    const now = this.#now()
    this.#lookedAt = now
    this.#until = now + sliceMs(others)
    this.#show(now)
    this.leave()
  }

  /** It waits no more. */
  leave(): void {
    this.isOver = false
    this.#came = 0
    this.#safely((line) => line.leave())
  }

  #openLine(make: boolean): void {
    const file = this.#isBroken ? undefined : this.#open(make)
    this.#line = file && new LockLine(file, this.#name)
  }

  /** It is a courtesy: what fails of it fails no step. */
  #safely<R>(use: (line: LockLine) => R): R | undefined {
    if (!this.#line) return
    try {
      return use(this.#line)
    } catch (error) {
      if (codeOf(error) === '') throw error
      this.#line.close()
      this.#line = undefined
      this.#isBroken = true
      this.isOver = false
      return
    }
  }

  close(): void {
    this.leave()
    this.#line?.close()
    this.#line = undefined
    this.#isBroken = true
  }
}

/** Of each where so many others wait. */
export function sliceMs(others: number): number {
  return Math.max(LEAST_SLICE_MS, Math.min(MOST_SLICE_MS, ROUND_MS / (others + 1)))
}

/** The line of a lock, in owners/: a watch of the queue's folder is not woken by what is written there. */
export function openLine(disk: Disk, folder: string, lock: string): OpenLine {
  const path = `${folder}/${OWNERS}/${lock}`
  return (make) => {
    try {
      return make ? openOrCreate(disk, path) : disk.open(path, 'write')
    } catch (error) {
      if (codeOf(error) === '') throw error
      return // As where there is no room for it: they try after pauses.
    }
  }
}
