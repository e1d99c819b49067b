// settlement.ts: items in flight, as the seam (store.ts) speaks of them: which one is taken, how it is held, and what becomes
// of it.

/**
 * Which one ready item a lease is to take, where `supports.leaseById`: that one; or the next by age behind that id, which
 * is the next higher one (in a 'lifo' queue the next lower one), and after the last the first again.
 */
export type Pick = { readonly id: number } | { readonly after: number }

/** How items are held that a lease hands out. */
export interface Hold {
  /** Ready again at that time of the store's clock, however alive the handle is; default: never. */
  readonly deadline?: number | undefined
  /** Taken ahead: when the handle dies, only those that `mark` names are charged an attempt. */
  readonly uncharged?: boolean | undefined
  /** Ends the wait for a lock, where the store has one: with its reason, and nothing was leased or settled. */
  readonly signal?: AbortSignal | undefined
}

export type Settlement =
  /** Done; `kept` false: taken, and not for the record of what was acknowledged. */
  | { readonly outcome: 'ack'; readonly ids: readonly HeldRange[]; readonly kept?: boolean | undefined }
  /**
   * Ready again at the old place, its attempt counted or (taken ahead, never seen) not; `due`: not before, in
   * milliseconds since 1970.
   */
  | {
      readonly outcome: 'back'
      readonly ids: readonly HeldRange[]
      readonly counted: boolean
      readonly due?: number | undefined
    }
  /** Ready again behind all that waits now, under new ids: written twice, so a crash between may deliver it twice. */
  | { readonly outcome: 'toBack'; readonly ids: readonly HeldRange[]; readonly due?: number | undefined }
  /** Handed out once more in this handle, and never ready in between: a delivery of its own. */
  | { readonly outcome: 'again'; readonly ids: readonly HeldRange[]; readonly hold?: Hold | undefined }
  /** Set aside; `counted` false: it was not handed out this time. */
  | {
      readonly outcome: 'fail'
      readonly ids: readonly HeldRange[]
      readonly reason: string
      readonly counted?: boolean | undefined
    }

/** Ids `from` to `to`, both included. */
export interface IdRange {
  readonly from: number
  readonly to: number
}

/** Ids that this handle holds. Where the attempt is named and is another one by now, it is a SettledError. */
export interface HeldRange extends IdRange {
  readonly attempt?: number | undefined
}
