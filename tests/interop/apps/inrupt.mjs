// A small app with @inrupt/solid-client-authn-browser: it shows whom it knows, and does what it is told from outside.
import { EVENTS, getDefaultSession } from '@inrupt/solid-client-authn-browser'

const session = getDefaultSession()
const shown = document.querySelector('output')
let refusal = 'nobody'
session.events.on(EVENTS.ERROR, error => { refusal = `refused: ${error}` })

globalThis.app = {
  login: (oidcIssuer, clientId) =>
    session.login({ oidcIssuer, clientId, clientName: 'Diary', redirectUrl: location.origin + location.pathname }),
  logout: options => session.logout(options),
  read: async url => {
    const answer = await session.fetch(url)
    return [answer.status, answer.ok ? await answer.text() : '']
  },
}

await session.handleIncomingRedirect({ restorePreviousSession: true })
shown.textContent = session.info.isLoggedIn ? session.info.webId : refusal
