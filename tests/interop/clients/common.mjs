// What every script of this folder begins and ends with: it is told who is who as one JSON object on the first
// line of standard input, and tells what it saw as one JSON object on the last line of standard output.
import { createInterface } from 'node:readline'
import { Session } from '@inrupt/solid-client-authn-node'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

/** `{baseUrl, home, people: {alice: {webId, pod, clientId, clientSecret, …}, bob: …}, …}` */
export const given = JSON.parse((await lines.next()).value)

/** Lets the person open an address in her browser; gives the address at the app that it led to. */
export async function visited(url) {
  process.stdout.write(`${JSON.stringify({ visit: String(url) })}\n`)
  return new URL((await lines.next()).value)
}

/** A person's own fetch: client credentials and DPoP, by Inrupt's library. `issuer` is ours unless it is said. */
export async function signedIn(person, issuer = given.baseUrl) {
  const session = new Session({ keepAlive: false })
  await session.login({
    oidcIssuer: issuer,
    clientId: person.clientId,
    clientSecret: person.clientSecret,
    tokenType: 'DPoP',
  })
  return session
}

/** The status that somebody gets. */
export async function statusOf(fetch, url, options) {
  const answer = await fetch(url, options)
  await answer.arrayBuffer()
  return answer.status
}

/** The HTTP status a library's error carries, or what it says when there is none. */
export async function refusalOf(deed) {
  try {
    await deed()
    return 'no refusal'
  } catch (error) {
    return error.statusCode ?? error.response?.status ?? error.status ?? String(error)
  }
}

/** Waits until `check()` gives something, as long as `milliseconds`; gives null when it does not. */
export async function until(check, milliseconds = 5000) {
  const end = Date.now() + milliseconds
  while (Date.now() < end) {
    const found = await check()
    if (found) return found
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  return null
}

/** Runs the whole script and ends the process: libraries keep timers and sockets that would hold it up. */
export async function tell(work) {
  let code = 0
  try {
    process.stdout.write(`\n${JSON.stringify(await work())}\n`)
  } catch (error) {
    console.error(error)
    code = 1
  }
  process.exit(code)
}
