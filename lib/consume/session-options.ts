// session-options.ts: how one consumer takes.

export interface SessionOptions {
  /** Wait for items when there are none; default true. */
  readonly wait?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  /** Items leased at once: as many as suit the body's speed ('auto', the default), or a number. */
  readonly ahead?: 'auto' | number | undefined
  /** What is handed out waits behind what was handed out before: a stream's buffer, and a sink's. */
  readonly isPiped?: boolean | undefined
  /** Attempts that an item gets; default: the queue's. */
  readonly limit?: number | undefined
}
