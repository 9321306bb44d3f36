// openid-client, certified by the OpenID Foundation: every grant and endpoint that it knows and we have.
import * as oidc from 'openid-client'
import { given, tell, visited } from './common.mjs'

const { alice } = given.people
const server = new URL(given.baseUrl)
const redirect_uri = 'https://app.example/cb'
const metadata = { client_name: 'Certified', redirect_uris: [redirect_uri], post_logout_redirect_uris: ['https://app.example/bye'] }
const open = { execute: [oidc.allowInsecureRequests] } // the server under test speaks plain http on loopback

await tell(async () => {
  const config = await oidc.dynamicClientRegistration(
    server, { ...metadata, token_endpoint_auth_method: 'client_secret_basic' }, undefined, open)
  const keys = await oidc.randomDPoPKeyPair('ES256')
  const DPoP = oidc.getDPoPHandle(config, keys)
  const seen = { issuer: config.serverMetadata().issuer, iss: config.serverMetadata().authorization_response_iss_parameter_supported }
  const { tokens, back } = await signIn(config, DPoP, oidc.buildAuthorizationUrl)
  seen.back = [...back.searchParams.keys()].sort()
  const claims = tokens.claims()
  seen.tokens = { type: tokens.token_type, webid: claims.webid, aud: claims.aud.includes(config.clientMetadata().client_id) }
  seen.userinfo = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub, { DPoP })
  seen.home = await status(config, tokens.access_token, DPoP)
  seen.strangerKey = await status(config, tokens.access_token, oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair('ES256')))
  seen.introspected = await introspected(config, tokens.access_token)

  const next = await oidc.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP })
  seen.refreshed = { rotated: next.refresh_token !== tokens.refresh_token, home: await status(config, next.access_token, DPoP) }
  await oidc.tokenRevocation(config, next.refresh_token)
  seen.revoked = await refused(() => oidc.refreshTokenGrant(config, next.refresh_token, undefined, { DPoP }))
  seen.reused = await refused(() => oidc.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP }))

  const bye = await visited(oidc.buildEndSessionUrl(config, {
    post_logout_redirect_uri: metadata.post_logout_redirect_uris[0], id_token_hint: tokens.id_token, state: 'ended' }))
  seen.bye = bye.href
  seen.pushed = await pushed()
  seen.keyed = await keyed()
  seen.machine = await machine()
  seen.wrongIss = await wrongIss(config, DPoP)
  return seen
})

async function signIn(config, DPoP, address, more = {}) {
  const verifier = oidc.randomPKCECodeVerifier()
  const state = oidc.randomState()
  const nonce = oidc.randomNonce()
  const url = await address(config, {
    redirect_uri, scope: 'openid webid profile offline_access', state, nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', ...more,
  }, { DPoP })
  const back = await visited(url)
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true }
  return { back, checks, url, tokens: more.later ? null : await oidc.authorizationCodeGrant(config, back, checks, undefined, { DPoP }) }
}

/** RFC 9126: the request is pushed first, and nothing but its name is in the address. */
async function pushed() {
  const config = await oidc.dynamicClientRegistration(server, {
    ...metadata, token_endpoint_auth_method: 'client_secret_post', require_pushed_authorization_requests: true }, undefined, open)
  const DPoP = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair('ES256'))
  const { url, tokens } = await signIn(config, DPoP, oidc.buildAuthorizationUrlWithPAR)
  return { address: [...url.searchParams.keys()].sort(), home: await status(config, tokens.access_token, DPoP) }
}

/** RFC 7523: a client that proves itself with a key. */
async function keyed() {
  const keys = await oidc.randomDPoPKeyPair('ES256', { extractable: true })
  const jwk = { ...await crypto.subtle.exportKey('jwk', keys.publicKey), alg: 'ES256', use: 'sig', kid: 'one' }
  delete jwk.key_ops
  delete jwk.ext
  const registered = await oidc.dynamicClientRegistration(server, {
    ...metadata, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk] } }, oidc.PrivateKeyJwt({ key: keys.privateKey, kid: 'one' }), open)
  const DPoP = oidc.getDPoPHandle(registered, await oidc.randomDPoPKeyPair('ES256'))
  const { tokens } = await signIn(registered, DPoP, oidc.buildAuthorizationUrlWithPAR)
  const other = await oidc.randomDPoPKeyPair('ES256')
  const thief = new oidc.Configuration(
    registered.serverMetadata(), registered.clientMetadata().client_id, {}, oidc.PrivateKeyJwt({ key: other.privateKey, kid: 'one' }))
  oidc.allowInsecureRequests(thief)
  return {
    home: await status(registered, tokens.access_token, DPoP),
    introspected: await introspected(registered, tokens.access_token),
    thief: await refused(() => oidc.refreshTokenGrant(thief, tokens.refresh_token, undefined, { DPoP })),
    again: (await oidc.refreshTokenGrant(registered, tokens.refresh_token, undefined, { DPoP })).token_type,
  }
}

async function machine() {
  const seen = {}
  for (const way of [oidc.ClientSecretBasic, oidc.ClientSecretPost]) {
    const config = await oidc.discovery(server, alice.clientId, {}, way(alice.clientSecret), open)
    const DPoP = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair('ES256'))
    const { access_token } = await oidc.clientCredentialsGrant(config, { scope: 'webid' }, { DPoP })
    const wrong = await oidc.discovery(server, alice.clientId, {}, way('wrong'), open)
    seen[way.name] = [await status(config, access_token, DPoP),
      await refused(() => oidc.clientCredentialsGrant(wrong, { scope: 'webid' }, { DPoP }))]
  }
  return seen
}

/** RFC 9207: an answer that seems to come from somebody else is not taken, and its code is not sent there. */
async function wrongIss(config, DPoP) {
  const { back, checks } = await signIn(config, DPoP, oidc.buildAuthorizationUrl, { later: 'yes' })
  const forged = new URL(back)
  forged.searchParams.set('iss', 'https://other.example/')
  return {
    forged: await refused(() => oidc.authorizationCodeGrant(config, forged, checks, undefined, { DPoP })),
    right: (await oidc.authorizationCodeGrant(config, back, checks, undefined, { DPoP })).token_type,
  }
}

async function introspected(config, token) {
  const { active, token_type, cnf, client_id } = await oidc.tokenIntrospection(config, token)
  return { active, type: token_type, bound: typeof cnf?.jkt === 'string', own: client_id === config.clientMetadata().client_id }
}

async function status(config, token, DPoP) {
  try {
    return (await oidc.fetchProtectedResource(config, token, new URL(given.home), 'GET', null, undefined, { DPoP })).status
  } catch (error) {
    return error.status ?? error.cause?.[0]?.parameters?.error ?? String(error)
  }
}

async function refused(deed) {
  try {
    await deed()
    return 'not refused'
  } catch (error) {
    return error.error ?? error.code ?? String(error)
  }
}
