// holder.ts: a process of its own that leases items, says which, and does with them what it is told: 'ack', 'close',
// 'exit'. Each is answered, by the code of an error where there was one.

import { AsyncQueue, QueueError } from '../../lib/index.ts'

const [url = '', count = '1'] = process.argv.slice(2)
const queue = await AsyncQueue.open(url)
const held = await queue.lease(Number(count))
process.send?.(held.map(({ id }) => id))
process.on('message', async (word) => {
  if (word === 'exit') process.exit(0)
  try {
    if (word === 'ack') await Promise.all(held.map((delivery) => delivery.ack()))
    if (word === 'close') await queue.close()
    process.send?.('done')
  } catch (error) {
    process.send?.(error instanceof QueueError ? error.code : String(error))
  }
})
