// id-state.ts: what may be known of an id, and when two ids are in the same state.

export type IdState =
  | { readonly state: 'settled' }
  | {
      readonly state: 'inFlight'
      readonly owner: number
      readonly attempt: number
      /** When it is ready again however alive its owner is, in ms of the host's time (wait/host-time.ts); 0: never. */
      readonly deadline: number
      /** 1: taken ahead, and charged an attempt only if it was marked as in hand. */
      readonly mode: number
    }
  /** Settled, and kept for the record. */
  | { readonly state: 'acked' }
  /** Handed out `attempt` times, and ready again at `due` (0: at once). */
  | { readonly state: 'back'; readonly attempt: number; readonly due: number }

export const SETTLED: IdState = Object.freeze({ state: 'settled' })
export const ACKED: IdState = Object.freeze({ state: 'acked' })

export type RunStatus = 'ready' | 'delayed' | 'inFlight' | 'acked'

export function statusOf(value: IdState, now: number): RunStatus | 'settled' {
  if (value.state !== 'back') return value.state
  return value.due <= now ? 'ready' : 'delayed'
}

export function isReady(value: IdState, now: number): boolean {
  return value.state === 'back' && value.due <= now
}

/** No time is beyond what a file can hold. */
const LATEST = 2 ** 53

/** All times are so many milliseconds later; none is before 1970, which would be none. */
export function shifted(value: IdState, ms: number): IdState {
  if (value.state === 'inFlight' && value.deadline > 0) return { ...value, deadline: moved(value.deadline, ms) }
  if (value.state === 'back' && value.due > 0) return { ...value, due: moved(value.due, ms) }
  return value
}

export function moved(time: number, ms: number): number {
  return Math.min(Math.max(1, time + ms), LATEST)
}

export function same(one: IdState, other: IdState): boolean {
  if (one === other) return true
  if (one.state !== other.state || one.state === 'settled' || one.state === 'acked') return one.state === other.state
  if (one.state === 'back') {
    return other.state === 'back' && one.attempt === other.attempt && one.due === other.due
  }
  if (other.state !== 'inFlight') return false
  const sameHold = one.owner === other.owner && one.deadline === other.deadline && one.mode === other.mode
  return sameHold && one.attempt === other.attempt
}
