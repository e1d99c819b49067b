// log-subject.ts: the log store as the battery tries it: every internal size so small that a few items make it roll,
// open a new cursor file, read in several chunks, write aside and flush by itself.

import type { Limits } from '../../lib/log/limits.ts'
import { LogStore } from '../../lib/log/log-store.ts'
import type { Durability, StoreOptions } from '../../lib/store.ts'
import type { FullSubject } from './battery.ts'
import { randomOf, textNumber } from './digest.ts'
import { clockOf, SpecClock } from './spec-clock.ts'

export const FOLDER = '/q'

export const SMALL_LIMITS: Limits = {
  frameBytes: 1024,
  readBytes: 1024,
  arenaBytes: 2048,
  cursorBytes: 1024,
  aheadBytes: 16 << 10,
  indexBytes: 512,
  stepItems: 8,
  openSegments: 2,
  unsyncedSegments: 2,
  probeMs: 400,
}

/** After closing nothing else may be there: no owner's file, nothing in the making, nothing damaged. */
const NAMES = [
  /^\/q$/,
  /^\/q\/queue\.json$/,
  /^\/q\/\d{20}\.\d+\.log$/,
  /^\/q\/cursor\.[01]$/,
  /^\/q\/(append|cursor)\.lock$/,
  /^\/q\/(owners|failed|damaged)$/,
]

/** What a queue may hold besides that whose failed items are not all gone. */
const FAILED = /^\/q\/failed\/\d{20}\.\d+\.log$/

/** The ways in which the log is tried: its durabilities, alone and with all that the second family of words asks for. */
export const subjectNames = ['disk', 'os', 'wide', 'wide-os'] as const
export type SubjectName = (typeof subjectNames)[number]

/** `clock`: one for all openings, that a spec can move. Default: one of its own for each. */
export function logSubject(name: SubjectName = 'disk', clock?: SpecClock): FullSubject {
  const durability: Durability = name.endsWith('os') ? 'os' : 'disk'
  const isWide = name.startsWith('wide')
  return {
    names: isWide ? [...NAMES, FAILED] : NAMES,
    maxNames: isWide ? 20 : 16,
    isWide,
    maxBytes: 16 << 10,
    disk: durability === 'disk',
    open(disk, told, chance = 0) {
      // Not by what stands on the disk: two disks that differ in a byte nobody reads are the same afterwards.
      const random = randomOf(textNumber(disk.bootId()) ^ Math.imul(chance + 1, 0x9e3779b1))
      const options: StoreOptions = {
        durability,
        codec: 'json',
        order: 'fifo',
        flushLimit: 1024,
        segmentSize: 2048,
        onDamage: 'skip',
        autoResume: true,
        keepAcked: isWide ? 2 : 0,
        events: {
          recovered: (report) => told.recovered.push(report),
          corruption: (report) => told.corruptions.push(report),
          flushed: () => undefined,
          failed: (error) => told.failures.push(error),
        },
      }
      const world = {
        disk,
        clock: clockOf(clock ?? new SpecClock(), disk),
        random: () => random(2 ** 32),
        limits: SMALL_LIMITS,
      }
      return LogStore.open(FOLDER, options, world)
    },
  }
}
