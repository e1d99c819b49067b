// host-clock.ts: the clocks of the host, which all its processes share, also those in a time namespace of their own (a
// container): what their namespace adds is taken away again.
//
//      monotonic = hrtime − the namespace's offset                    stands still while the host is suspended
//      slept     = (uptime − the namespace's offset) − monotonic      uptime goes on meanwhile
//
// Reading /proc/uptime takes some microseconds, so it is done at first, and then where the wall clock and the monotonic one
// have drifted apart by a second: it was set, or the host slept. Where lxcfs shows an uptime of its own, that of a
// container, nothing can be known of it. A paused virtual machine knows nothing either: that time did not pass.

import { readFileSync } from 'node:fs'
import { elapsed, wall } from './timers.ts'

const hrtime = process.hrtime.bind(process)
/** Uptime is told in hundredths of a second, and a moment passes between two looks. */
const NOISE_MS = 500
const DRIFT_MS = 1000
/** How often the two are compared. */
const LOOK_MS = 1

export interface Offsets {
  readonly monotonicMs: number
  readonly boottimeMs: number
}

const NONE: Offsets = Object.freeze({ monotonicMs: 0, boottimeMs: 0 })

/** What a time namespace adds, from /proc/self/timens_offsets: a line each, seconds and nanoseconds. */
export function parseOffsets(text: string): Offsets {
  return { monotonicMs: offsetOf(text, 'monotonic'), boottimeMs: offsetOf(text, 'boottime') }
}

function offsetOf(text: string, name: string): number {
  const found = new RegExp(`^${name}\\s+(-?\\d+)\\s+(\\d+)`, 'm').exec(text)
  return found === null ? 0 : Number(found[1]) * 1000 + Number(found[2]) / 1e6
}

/** Whether /proc/uptime is the host's, by the text of /proc/self/mountinfo. */
export function isUptimeKnown(mounts: string): boolean {
  return !/^\d+ \d+ \S+ \S+ \/proc\/uptime /m.test(mounts)
}

/** How long the host was suspended, from its two clocks. */
export function sleptFrom(uptimeMs: number, monotonic: number, offsets: Offsets): number {
  const slept = uptimeMs - offsets.boottimeMs - monotonic
  return slept < NOISE_MS ? 0 : Math.round(slept)
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}

const offsetsText = textOf('/proc/self/timens_offsets')
const offsets = offsetsText === undefined ? NONE : parseOffsets(offsetsText)
const ahead = hrtimeMs() - elapsed() - offsets.monotonicMs

function hrtimeMs(): number {
  const [seconds, nanoseconds] = hrtime()
  return seconds * 1000 + nanoseconds / 1e6
}

/** Milliseconds that the host has been awake. */
export function monotonicMs(): number {
  return elapsed() + ahead
}

let slept = 0
/** Wall less monotonic time at the last look. */
let apart: number | undefined
let isKnown: boolean | undefined
let lookedAt = -Infinity

/** Milliseconds that the host was suspended for, as far as can be known. */
export function sleptMs(): number {
  const at = elapsed()
  if (at - lookedAt < LOOK_MS) return slept
  lookedAt = at
  const now = wall() - at
  if (apart !== undefined && Math.abs(now - apart) <= DRIFT_MS) return slept
  apart = now
  slept = lookedSlept()
  return slept
}

function lookedSlept(): number {
  isKnown ??= isUptimeKnown(textOf('/proc/self/mountinfo') ?? '')
  const uptime = isKnown ? textOf('/proc/uptime') : undefined
  return uptime === undefined ? 0 : sleptFrom(Number.parseFloat(uptime) * 1000, monotonicMs(), offsets)
}
