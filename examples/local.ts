// local.ts: a server that only this machine can reach.

import { once } from 'node:events'
import type { Server } from 'node:http'

/** Listens on a free port of 127.0.0.1. */
export async function listen(server: Server): Promise<{ readonly port: number; readonly url: string }> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError(`no port: ${address}`)
  return { port: address.port, url: `http://127.0.0.1:${address.port}/` }
}

/** Closes it, whoever is still connected. */
export async function shut(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}
