// store-events.ts: what a store tells without being asked.

/** What opening had to mend. */
export interface Recovered {
  /** Bytes of writes that a crash cut off: nobody had been told that they were safe. */
  readonly tornBytes: number
  /** Items that were in flight in consumers that are dead, and are ready again. */
  readonly reclaimed: number
}

/** Damaged bytes that were met. */
export interface Corruption {
  readonly file: string
  readonly offset: number
  readonly bytes: number
  /** Items that were lost with them. */
  readonly lost: number
  /**
   * They were never known to be on the medium, and the machine has not gone down since: a mount, a snapshot, a copy or a
   * failed write-back may have cost them.
   */
  readonly unsynced?: true
}

/** Who holds a lock, as far as it can be told. */
export interface LockHolder {
  readonly pid: number
  readonly thread?: number | undefined
  readonly host?: string | undefined
  readonly label?: string | undefined
}

/** A lock that something waits for. */
export interface Waiting {
  /** The lock's. */
  readonly file: string
  /** For how long, in milliseconds. */
  readonly waited: number
  readonly holder?: LockHolder | undefined
}

/** What a store tells without being asked. Never called before the opening has resolved, but for `waiting`. */
export interface StoreEvents {
  /** Something has waited for a lock for a second, and again each time that this has doubled. `report` looks who has it. */
  waiting?(report: () => Waiting): void
  recovered(report: Recovered): void
  corruption(report: Corruption): void
  flushed(report: { readonly reclaimed: number }): void
  /**
   * Work that no call waits for has failed (an automatic flush), and is tried again: no call rejects because of it. Where
   * it is a 'sync' (an interval's), what was put before may not be durable, and the next put rejects.
   */
  failed(error: Error, work?: 'sync'): void
}
