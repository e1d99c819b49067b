// errors.ts: one class for each cause, each with a code that programs can test for.
// The message says what happened, where, how much was affected and what to do; `cause` is the error underneath.

/** What every error of a queue is an instance of. */
export class QueueError extends Error {
  /** The cause as a word: `ERR_QUEUE_…`. Codes never change; messages may. */
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }

  override get name(): string {
    return this.constructor.name
  }
}

/** A `get` waited as long as it was told to, and nothing came. Nothing was taken. */
export class QueueEmptyError extends QueueError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_QUEUE_EMPTY', message, options)
  }
}

/** A put found no room within its bounds. Nothing was put. */
export class QueueFullError extends QueueError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_QUEUE_FULL', message, options)
  }
}

/** The queue, or its writing side, is closed. */
export class QueueClosedError extends QueueError {
  constructor(message = 'the queue is closed: open it again to go on', options?: ErrorOptions) {
    super('ERR_QUEUE_CLOSED', message, options)
  }
}

/** An item could not be encoded or decoded. */
export class CodecError extends QueueError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_QUEUE_CODEC', message, options)
  }
}

/** The queue was written with another codec than the one named. */
export class CodecMismatchError extends QueueError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_QUEUE_CODEC_MISMATCH', message, options)
  }
}

/** The place is not a queue, or one of a newer format or another order. */
export class FormatError extends QueueError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_QUEUE_FORMAT', message, options)
  }
}

/** Damaged bytes were met, and `onDamage` is `'fail'`. */
export class CorruptionError extends QueueError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_QUEUE_CORRUPT', message, options)
  }
}

/** The disk or the server refused: full, an I/O error, no permission, gone. */
export class StorageError extends QueueError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_QUEUE_STORAGE', message, options)
  }
}

/** The store cannot do what was asked; the message names those that can. */
export class UnsupportedError extends QueueError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_QUEUE_UNSUPPORTED', message, options)
  }
}

/** A delivery was settled already, or its lease went to somebody else. Nothing was changed. */
export class SettledError extends QueueError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_QUEUE_SETTLED', message, options)
  }
}
