// clock-part.ts: a process whose wall clock a file shifts by so many milliseconds (clocks.spec.ts), as somebody sets a clock
// while it runs, and what it does with a queue meanwhile. It does one act a message, and answers each.

import { readFileSync, writeFileSync } from 'node:fs'
import { AsyncQueue, type AsyncQueue as Queue } from '../../lib/index.ts'

export const HOUR = 3_600_000

export type Act =
  | { readonly act: 'open'; readonly place: string; readonly leaseTimeout: number }
  | { readonly act: 'put'; readonly item: string; readonly delay: number }
  | { readonly act: 'lease' }
  | { readonly act: 'ack' }
  /** What is ready now. */
  | { readonly act: 'ready' }
  /** The next so many items, waited for. */
  | { readonly act: 'next'; readonly count: number }
  | { readonly act: 'jump'; readonly ms: number }
  | { readonly act: 'close' }

const queues: Queue<string>[] = []
let leased: Awaited<ReturnType<Queue<string>['lease']>>

async function next(queue: Queue<string>, count: number): Promise<string[]> {
  const items: string[] = []
  for await (const item of queue.items()) if (items.push(item) === count) break
  return items
}

/** In this process. */
export async function perform(act: Act): Promise<readonly string[]> {
  if (act.act === 'jump') writeFileSync(process.env.SPOOLQ_SPEC_SHIFT ?? '', String(act.ms))
  if (act.act === 'open') {
    queues.push(await AsyncQueue.open<string>(act.place, { leaseTimeout: act.leaseTimeout, durability: 'os' }))
  }
  if (act.act === 'close') await Promise.all(queues.splice(0).map((each) => each.close()))
  const queue = queues.at(-1)
  if (queue === undefined) return [String(Date.now())]
  if (act.act === 'put') await queue.put(act.item, { delay: act.delay })
  if (act.act === 'lease') leased = await queue.lease()
  if (act.act === 'ack') await leased?.ack()
  if (act.act === 'ready') return queue.peek(9)
  if (act.act === 'next') return next(queue, act.count)
  return leased === undefined ? [] : [leased.item]
}

/** Loaded before all else: Date goes by the file's number. */
export const preload = `data:text/javascript,${encodeURIComponent(`
  import { readFileSync } from 'node:fs'
  const Right = Date
  const now = () => Right.now() + Number(readFileSync(process.env.SPOOLQ_SPEC_SHIFT, 'latin1'))
  globalThis.Date = class extends Right {
    constructor(...given) {
      super(...(given.length > 0 ? given : [now()]))
    }
    static now() {
      return now()
    }
  }
`)}`

if (process.argv[2] === 'clock-part') {
  readFileSync(process.env.SPOOLQ_SPEC_SHIFT ?? '')
  process.on('message', (act: Act) => {
    perform(act).then(
      (answer) => process.send?.({ answer }),
      (error: Error) => process.send?.({ error: error.stack }),
    )
  })
}
