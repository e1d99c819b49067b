// withdrawal.ts: a call that a signal may take back while it waits for the file: both threads agree on which came first.
//
//      waiting ──the transaction has begun──▶ begun          it is carried out, and answered
//         └──────the signal aborts──────────▶ withdrawn      it never is; its caller has the signal's reason

const BEGUN = 1
const WITHDRAWN = 2

/** Travels with the call. */
export type Withdrawal = SharedArrayBuffer

export function newWithdrawal(): Withdrawal {
  return new SharedArrayBuffer(4)
}

/** On the side that asks: false where it is too late. */
export function withdraw(withdrawal: Withdrawal): boolean {
  return Atomics.compareExchange(new Int32Array(withdrawal), 0, 0, WITHDRAWN) === 0
}

/** In the thread, as the call's transaction has begun: false where it was withdrawn. Asked again it is the same. */
export function begin(withdrawal: Withdrawal | undefined): boolean {
  return withdrawal === undefined || Atomics.compareExchange(new Int32Array(withdrawal), 0, 0, BEGUN) !== WITHDRAWN
}
