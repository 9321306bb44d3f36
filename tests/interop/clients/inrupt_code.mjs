// @inrupt/solid-client-authn-node in a web server's role: a person signs in, and the server keeps the session alive.
import { EVENTS, Session, getSessionFromStorage } from '@inrupt/solid-client-authn-node'
import { given, statusOf, tell, until, visited } from './common.mjs'

await tell(async () => ({ alive: await keptAlive(), stored: await stored() }))

/** A timer renews the token before it ends. (The second time it would wait ten minutes, whatever the token says.) */
async function keptAlive() {
  const { session } = await signedIn(true)
  let renewed = 0
  session.events.on(EVENTS.SESSION_EXTENDED, () => { renewed += 1 })
  const first = await statusOf(session.fetch, given.home)
  await until(() => renewed > 0, 10000)
  return { webId: session.info.webId, first, renewed: renewed > 0, later: await statusOf(session.fetch, given.home), ...await end(session) }
}

/** Another process of the web server finds the session in the store, and renews it there. */
async function stored() {
  const { session, storage } = await signedIn(false)
  const rotated = new Set()
  const again = async () => {
    const found = await getSessionFromStorage(session.info.sessionId, { storage, onNewRefreshToken: token => rotated.add(token) })
    return { found, webId: found.info.webId, home: await statusOf(found.fetch, given.home) }
  }
  const one = await again()
  const two = await again()
  return { webIds: [one.webId, two.webId], homes: [one.home, two.home], rotated: rotated.size, ...await end(two.found) }
}

async function signedIn(keepAlive) {
  const kept = new Map()
  const storage = {
    get: async key => kept.get(key), set: async (key, value) => { kept.set(key, value) }, delete: async key => { kept.delete(key) } }
  const session = new Session({ storage, keepAlive })
  const address = await new Promise((resolve, reject) => {
    session.login({
      oidcIssuer: given.baseUrl, redirectUrl: 'https://app.example/cb', clientName: 'Inrupt server', tokenType: 'DPoP', handleRedirect: resolve,
    }).catch(reject)
  })
  await session.handleIncomingRedirect((await visited(address)).href)
  return { session, storage }
}

async function end(session) {
  await session.logout()
  return { ended: await statusOf(session.fetch, given.home) }
}
