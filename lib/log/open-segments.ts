// open-segments.ts: which segments of a handle have their file open. A queue of any length is worked on with a handful of
// descriptors: what was opened last stays open, and what was not is closed, to be opened again when it is wanted.
//
//    clean     all that this handle wrote there was synced: of these the last 16 stay open
//    dirty     frames of this handle that no sync has covered: a descriptor opened later hears nothing of a write-back that
//              failed, so these stay open beside the 16, and nobody puts on while more than some wait for their sync.
//              Where nobody is promised a sync ('os') the oldest are closed: a later sync has to write them again first
//    tail      is written to: it stays

import type { Segment } from './segment-file.ts'

export interface OpenLimits {
  readonly openSegments: number
  readonly unsyncedSegments: number
}

export class OpenSegments {
  /** In the order in which they were opened. */
  readonly #open = new Set<Segment>()
  readonly #limits: OpenLimits
  readonly #isTail: (segment: Segment) => boolean
  /** Nobody is promised that what was written is synced soon. */
  mayForget = false
  /** No name of a segment may lead further: one that does is none of this log's. */
  mostBase = Infinity

  constructor(limits: OpenLimits, isTail: (segment: Segment) => boolean) {
    this.#limits = limits
    this.#isTail = isTail
  }

  opened(segment: Segment): void {
    this.#open.delete(segment)
    this.#open.add(segment)
    const { openSegments, unsyncedSegments } = this.#limits
    if (this.#open.size <= Math.min(openSegments, unsyncedSegments)) return
    this.#close(this.#unused(segment, false), openSegments - 1)
    if (this.mayForget) this.#close(this.#unused(segment, true), unsyncedSegments)
  }

  closed(segment: Segment): void {
    this.#open.delete(segment)
  }

  /** Passed segments with frames of this handle that no sync has covered, the oldest first. */
  dirty(): Segment[] {
    return [...this.#open].filter((segment) => segment.dirty && !this.#isTail(segment))
  }

  /** An empty one's name may be given to another segment: it is known by its descriptor alone. */
  #unused(opened: Segment, dirty: boolean): Segment[] {
    const isUnused = (segment: Segment) =>
      segment !== opened && segment.dirty === dirty && !segment.isEmpty && !this.#isTail(segment)
    return [...this.#open].filter(isUnused)
  }

  #close(segments: readonly Segment[], most: number): void {
    for (const segment of segments.slice(0, Math.max(0, segments.length - most))) segment.close()
  }
}
