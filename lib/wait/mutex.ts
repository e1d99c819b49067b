// mutex.ts: one at a time, for the rare long steps (open, flush, close, copy). Never on the per-item path: it is
// quadratic in its waiters.

export { Mutex } from 'async-mutex'
