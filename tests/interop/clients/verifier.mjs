// @solid/access-token-verifier: the resource server's side of others, told each case and saying what it makes of it.
import { createSolidTokenVerifier } from '@solid/access-token-verifier'
import { given, tell } from './common.mjs'

const verify = createSolidTokenVerifier()

await tell(async () => {
  const seen = {}
  for (const [name, { token, scheme = 'DPoP', proof, method, url }] of Object.entries(given.cases)) {
    try {
      const { webid, client_id, iss } = await verify(`${scheme} ${token}`, proof && { header: proof, method, url })
      seen[name] = { webid, client: client_id, iss }
    } catch (error) {
      seen[name] = error.claim ? `${error.constructor.name} ${error.claim}` : error.constructor.name
    }
  }
  return seen
})
