// aborts.ts: those who wait until a signal aborts. Each signal has one listener of ours while anybody waits, however many
// they are: Node warns of a leak from eleven on, and looks through all of them to remove one.

interface Waiting {
  readonly calls: Set<() => void>
  readonly listener: () => void
}

const waiting = new WeakMap<AbortSignal, Waiting>()

/** Calls when the signal aborts, which it has not yet; returns how to have that stopped. The same function once only. */
export function onAbort(signal: AbortSignal, call: () => void): () => void {
  const { calls, listener } = waiting.get(signal) ?? listen(signal)
  calls.add(call)
  return () => {
    if (!calls.delete(call) || calls.size > 0) return
    signal.removeEventListener('abort', listener)
    waiting.delete(signal)
  }
}

/** For what changes nothing, and may go on in vain: rejects with the signal's reason where that comes first. */
export function unlessAborted<R>(result: Promise<R>, signal: AbortSignal | undefined): Promise<R> {
  if (signal === undefined) return result
  return new Promise((resolve, reject) => {
    const unlisten = signal.aborted ? undefined : onAbort(signal, () => reject(signal.reason))
    if (signal.aborted) reject(signal.reason)
    result.finally(unlisten).then(resolve, reject)
  })
}

interface Closable {
  close(): Promise<unknown>
}

/** As `unlessAborted`: what is opened all the same is closed again. */
export async function openedUnlessAborted<S extends Closable>(
  opening: Promise<S>,
  signal: AbortSignal | undefined,
): Promise<S> {
  try {
    return await unlessAborted(opening, signal)
  } catch (error) {
    // Where it was the opening that failed, nothing is open.
    opening.then((opened) => opened.close()).catch(() => {})
    throw error
  }
}

function listen(signal: AbortSignal): Waiting {
  const calls = new Set<() => void>()
  const listener = (): void => {
    for (const call of [...calls]) call()
  }
  const those = { calls, listener }
  waiting.set(signal, those)
  signal.addEventListener('abort', listener, { once: true })
  return those
}
