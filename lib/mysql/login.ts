// login.ts: how a connection is encrypted, and what the server gets of the password. A server chooses how it is told the
// password, and whoever stands on the way can pose as the server:
//
//      way                                        without TLS                          with TLS, or over a socket
//      mysql_native_password, a known password
//      of caching_sha2_password                   an answer to a number of the server's, never the password
//      mysql_clear_password                       with allowCleartextPasswords         as it is
//      sha256_password, and a password that       encrypted with a key that the
//      caching_sha2_password does not know yet    server sends: with
//                                                 allowPublicKeyRetrieval              as it is
//
// What is not allowed is refused before a byte of it is sent.

import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { AuthPlugin, ConnectionOptions, SslOptions } from 'mysql2'
import { StorageError } from '../errors.ts'
import type { Address, Tls } from './address.ts'

/** The server asked for what it does not get. The connection is not lost: another try would be refused as well. */
export class RefusedError extends StorageError {
  override get name(): string {
    return 'StorageError'
  }
}

type Plugins = Pick<typeof import('mysql2'), 'authPlugins'>

/** What mysql2 has to know of both. Rejects with StorageError where there is no such PEM file. */
export async function loginOf(address: Address, { authPlugins }: Plugins): Promise<ConnectionOptions> {
  const { tls } = address
  const ssl = tls === undefined ? {} : { ssl: await sslOf(address, tls) }
  return { ...ssl, authPlugins: pluginsOf(address, authPlugins) }
}

/** A new one for each connection: no session goes on from one whose certificate was checked before. */
async function sslOf({ shown }: Address, { isVerified, ca }: Tls): Promise<SslOptions> {
  const ssl = { rejectUnauthorized: isVerified, verifyIdentity: isVerified }
  if (ca === undefined) return ssl
  try {
    const pem = await readFile(ca, 'utf8')
    new X509Certificate(pem)
    return { ...ssl, ca: pem }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : cause
    throw new StorageError(`${shown}: the certificates in ${ca} (parameter 'ca') can't be read: ${why}`, { cause })
  }
}

function pluginsOf(address: Address, plugins: Plugins['authPlugins']): Record<string, AuthPlugin> {
  const { tls, allowed, connecting } = address
  const { password = '', socketPath } = connecting()
  const clear: AuthPlugin = () => () => Buffer.from(`${password}\0`)
  const isSafe = tls !== undefined || socketPath !== undefined
  const mysql_clear_password =
    isSafe || allowed.cleartext ? clear : refusing(address, 'in clear', 'allowCleartextPasswords')
  if (isSafe || allowed.publicKey) return { mysql_clear_password }
  const onServerPublicKey = refusing(address, 'encrypted with a key that it sends', 'allowPublicKeyRetrieval')
  return {
    mysql_clear_password,
    sha256_password: plugins.sha256_password({ onServerPublicKey }),
    caching_sha2_password: plugins.caching_sha2_password({ onServerPublicKey }),
  }
}

function refusing({ shown }: Address, how: string, parameter: string): () => never {
  return () => {
    throw new RefusedError(
      `${shown}: the server asks for the password ${how}, and the connection is not encrypted: whoever is on the way could ` +
        `read it. Add ssl=verify or ssl=required, or, where the network is yours alone, ${parameter}=true`,
    )
  }
}

/** Node compares a certificate with the name that its socket was connected to, and forgets to where that is an address. */
export function nameHost(socket: object, { host = '' }: { readonly host?: string }): void {
  if (isIP(host) !== 0) Object.assign(socket, { _host: host })
}

/** False where a server has let us in before the connection was encrypted: somebody on the way has written that. */
export function isAsAsked(socket: unknown, { tls }: Address): boolean {
  if (tls === undefined) return true
  return socket instanceof TLSSocket && socket.getCipher()?.name !== undefined && (socket.authorized || !tls.isVerified)
}
