// boot.ts: which start of the machine this is. Linux says it, and macOS; elsewhere it is when the machine started, by its
// clock, to the minute, so that a clock set right by seconds rarely looks like a new start.

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import { wall } from '../wait/timers.ts'

const SYSCTL_MS = 5000
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Where a machine says it. Each may throw, where there is no such thing. */
export interface BootSources {
  readonly platform: NodeJS.Platform
  linux(): string
  /** `kern.bootsessionuuid`. */
  darwin(): string
  nowMs(): number
  uptimeSeconds(): number
}

const sources: BootSources = {
  platform: process.platform,
  linux: () => fs.readFileSync('/proc/sys/kernel/random/boot_id', 'latin1'),
  darwin: () =>
    execFileSync('/usr/sbin/sysctl', ['-n', 'kern.bootsessionuuid'], {
      encoding: 'latin1',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: SYSCTL_MS,
    }),
  nowMs: wall,
  uptimeSeconds: os.uptime,
}

let known: string | undefined

/** Differs for each start of the machine, and is read once. */
export function bootId(): string {
  known ??= readBootId(sources)
  return known
}

/** An id that a machine doesn't say is derived from its clock, which somebody may set meanwhile. */
export function readBootId(from: BootSources): string {
  const said = saidBy(from)
  return UUID.test(said) ? said.toLowerCase() : derivedBootId(from.nowMs(), from.uptimeSeconds())
}

function saidBy(from: BootSources): string {
  try {
    return (from.platform === 'darwin' ? from.darwin() : from.linux()).trim()
  } catch {
    return ''
  }
}

export function derivedBootId(nowMs: number, uptimeSeconds: number): string {
  return `minute-${Math.round((nowMs / 1000 - uptimeSeconds) / 60)}`
}

/** Derived ids of one start may differ by the minute in which the rounding fell. */
export function sameBoot(one: string, other: string): boolean {
  return one === other || Math.abs(minuteOf(one) - minuteOf(other)) <= 1
}

function minuteOf(id: string): number {
  return id.startsWith('minute-') ? Number(id.slice('minute-'.length)) : Number.NaN
}
