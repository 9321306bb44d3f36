// A small app with @uvdsl/solid-oidc-client-browser, whose shared worker keeps the session alive.
import { Session } from '@uvdsl/solid-oidc-client-browser'

const here = location.origin + location.pathname
const shown = document.querySelector('output')
const { clientId } = globalThis // of a Client ID Document, when there is one
const session = new Session(clientId ? { client_id: clientId } : { client_name: 'Uvdsl diary', redirect_uris: [here] })

globalThis.app = {
  login: issuer => session.login(issuer, here),
  logout: () => session.logout(),
  read: async url => {
    const answer = await session.authFetch(url)
    return [answer.status, answer.ok ? await answer.text() : '']
  },
}

await session.handleRedirectFromLogin()
if (!session.isActive) await session.restore().catch(() => {})
shown.textContent = session.isActive ? session.webId : 'nobody'
