// limits.ts: sizes that a user has no reason to set, each with its reason. Specs shrink them, so that everything
// happens every few items.

export interface Limits {
  /** A frame's body in bytes: what is written synchronously at once (1 MiB takes 0.2 ms). */
  readonly frameBytes: number
  /** One read of the log: large enough to make the call cheap, small enough to be dropped without regret. */
  readonly readBytes: number
  /** The buffer in which frames are built one behind the other, and from which a consumer that has caught up is fed. */
  readonly arenaBytes: number
  /** Each of the two cursor files, at first: some 2,000 records between two snapshots. */
  readonly cursorBytes: number
  /** Zeros that are written ahead of the frames at once, at most (ahead.ts): 0.2 ms, for some 8,000 small items. */
  readonly aheadBytes: number
  /** How far apart the remembered places of a segment are: what a redelivery reads at most before its item. */
  readonly indexBytes: number
  /** Items that one step under the lock takes at most. */
  readonly stepItems: number
  /** Segments whose file stays open when all that was written there is synced. */
  readonly openSegments: number
  /** Passed segments that may wait for their sync before putting waits for them. */
  readonly unsyncedSegments: number
  /** How often the owners of items in flight are looked at, in milliseconds. */
  readonly probeMs: number
}

export const defaultLimits: Limits = Object.freeze({
  frameBytes: 1 << 20,
  readBytes: 64 << 10,
  arenaBytes: 64 << 10,
  cursorBytes: 64 << 10,
  aheadBytes: 1 << 20,
  indexBytes: 64 << 10,
  stepItems: 1024,
  openSegments: 16,
  unsyncedSegments: 4,
  probeMs: 400,
})
