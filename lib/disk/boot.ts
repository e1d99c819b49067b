// boot.ts: which start of the machine this is. Linux says it; elsewhere it is when the machine started, by its clock,
// to the minute, so that a clock set right by seconds rarely looks like a new start.

import fs from 'node:fs'
import os from 'node:os'
import { wall } from '../wait/timers.ts'

let known: string | undefined

/** Differs for each start of the machine, and is read once. */
export function bootId(): string {
  known ??= readBootId()
  return known
}

function readBootId(): string {
  try {
    return fs.readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  } catch {
    return derivedBootId(wall(), os.uptime())
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
