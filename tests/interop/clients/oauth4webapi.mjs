// oauth4webapi, certified by the OpenID Foundation: the same endpoints one step lower, each answer checked by hand.
import * as oauth from 'oauth4webapi'
import { given, tell, until, visited } from './common.mjs'

const { alice } = given.people
const redirect_uri = 'https://app.example/cb'
const plain = { [oauth.allowInsecureRequests]: true } // the server under test speaks plain http on loopback

await tell(async () => {
  const issuer = new URL(given.baseUrl)
  const seen = {}
  for (const algorithm of ['oidc', 'oauth2']) {
    const found = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm, ...plain }))
    seen[algorithm] = found.token_endpoint
  }
  const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, plain))
  const client = await oauth.processDynamicClientRegistrationResponse(await oauth.dynamicClientRegistrationRequest(
    as, { client_name: 'Web API', redirect_uris: [redirect_uri], token_endpoint_auth_method: 'client_secret_post' }, plain))
  const auth = oauth.ClientSecretPost(client.client_secret)
  const keys = await oauth.generateKeyPair('ES256')
  const DPoP = oauth.DPoP(client, keys)

  const { verifier, pushed, challenged } = await push(as, client, auth, DPoP)
  seen.pushed = { lasts: pushed.expires_in, challenged }
  const url = new URL(as.authorization_endpoint)
  url.search = new URLSearchParams({ client_id: client.client_id, request_uri: pushed.request_uri })
  const came = await visited(url)
  const forged = new URL(came)
  forged.searchParams.set('iss', 'https://other.example/')
  seen.forged = await refused(async () => oauth.validateAuthResponse(as, client, forged, 'the-state')) // RFC 9207
  const back = oauth.validateAuthResponse(as, client, came, 'the-state')
  const redeem = (code, key = DPoP) => retried(key, () => oauth.authorizationCodeGrantRequest(
    as, client, auth, code, redirect_uri, verifier, { DPoP: key, ...plain }))
  const tokens = await oauth.processAuthorizationCodeResponse(
    as, client, await redeem(back), { expectedNonce: 'the-nonce', requireIdToken: true })
  const claims = oauth.getValidatedIdTokenClaims(tokens)
  seen.tokens = { type: tokens.token_type, webid: claims.webid, sub: claims.sub }

  const info = () => oauth.userInfoRequest(as, client, tokens.access_token, { DPoP, ...plain })
  seen.userinfo = (await oauth.processUserInfoResponse(as, client, claims.sub, await retried(DPoP, info))).webid
  seen.home = await status(tokens.access_token, DPoP)
  const renew = () => oauth.refreshTokenGrantRequest(as, client, auth, tokens.refresh_token, { DPoP, ...plain })
  const renewed = await oauth.processRefreshTokenResponse(as, client, await retried(DPoP, renew))
  seen.renewed = { rotated: renewed.refresh_token !== tokens.refresh_token, home: await status(renewed.access_token, DPoP) }
  seen.twice = await refused(() => redeem(back).then(answer => oauth.processAuthorizationCodeResponse(as, client, answer)))
  seen.ended = await endedSoon(tokens.access_token, DPoP) // a code that comes twice ends what it gave (RFC 6749 §4.1.2)

  seen.introspected = (await introspect(as, client, auth, renewed.refresh_token)).active
  seen.keyed = await keyed(as)
  seen.machine = await machine(as)
  return seen
})

async function push(as, client, auth, DPoP) {
  const verifier = oauth.generateRandomCodeVerifier()
  const parameters = {
    client_id: client.client_id, redirect_uri, response_type: 'code', scope: 'openid webid offline_access', state: 'the-state',
    nonce: 'the-nonce', code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  }
  let challenged = false
  const ask = () => oauth.pushedAuthorizationRequest(as, client, auth, parameters, { DPoP, ...plain })
    .then(answer => oauth.processPushedAuthorizationResponse(as, client, answer))
  let pushed
  try {
    pushed = await ask()
  } catch (error) {
    challenged = oauth.isDPoPNonceError(error)
    if (!challenged) throw error
    pushed = await ask()
  }
  return { verifier, pushed, challenged }
}

/** RFC 7523: a client that proves itself with a key, and one that has another key. */
async function keyed(as) {
  const { privateKey, publicKey } = await oauth.generateKeyPair('ES256')
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', publicKey)
  const client = await oauth.processDynamicClientRegistrationResponse(await oauth.dynamicClientRegistrationRequest(as, {
    client_name: 'Keyed', redirect_uris: [redirect_uri], token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [{ kty, crv, x, y, alg: 'ES256', use: 'sig', kid: 'one' }] } }, plain))
  const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'))
  const { pushed } = await push(as, client, oauth.PrivateKeyJwt({ key: privateKey, kid: 'one' }), DPoP)
  const thief = oauth.PrivateKeyJwt({ key: (await oauth.generateKeyPair('ES256')).privateKey, kid: 'one' })
  return { lasts: pushed.expires_in, thief: await refused(() => push(as, client, thief, DPoP)) }
}

/** A client's own client credentials, then its token seen and ended by itself. */
async function machine(as) {
  const client = { client_id: alice.clientId }
  const auth = oauth.ClientSecretBasic(alice.clientSecret)
  const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'))
  const ask = () => oauth.clientCredentialsGrantRequest(as, client, auth, { scope: 'webid' }, { DPoP, ...plain })
  const { access_token } = await oauth.processClientCredentialsResponse(as, client, await retried(DPoP, ask))
  const before = await status(access_token, DPoP)
  const active = (await introspect(as, client, auth, access_token)).active
  await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, auth, access_token, plain))
  return { before, active, after: (await introspect(as, client, auth, access_token)).active, ended: await endedSoon(access_token, DPoP) }
}

async function introspect(as, client, auth, token) {
  return oauth.processIntrospectionResponse(as, client, await oauth.introspectionRequest(as, client, auth, token, plain))
}

/** RFC 9449 §8: once more when the answer is that the proof must carry a nonce. The library remembers the nonce. */
async function retried(DPoP, ask) {
  const answer = await ask()
  const said = answer.headers.get('www-authenticate') ?? (answer.status === 400 ? await answer.clone().text() : '')
  if (!said.includes('use_dpop_nonce')) return answer
  await DPoP.cacheNonce(answer, new URL(answer.url))
  return ask()
}

async function status(token, DPoP) {
  const ask = () => oauth.protectedResourceRequest(token, 'GET', new URL(given.home), undefined, undefined, { DPoP, ...plain })
  try {
    return (await ask()).status
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) return error.status
    return ask().then(answer => answer.status, again => again.status)
  }
}

/** A resource may remember for a second what a token was worth. */
async function endedSoon(token, DPoP) {
  return until(async () => (await status(token, DPoP)) === 401, 3000)
}

async function refused(deed) {
  try {
    await deed()
    return 'not refused'
  } catch (error) {
    return error.error ?? error.code ?? String(error)
  }
}
