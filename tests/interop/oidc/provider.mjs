// An OpenID provider by panva's oidc-provider, with a sign-in page of its own that asks for a name and for how sure the
// provider is. Told what to be as JSON on standard input; says "ready" once it answers.
import { createInterface } from "node:readline";
import Provider from "oidc-provider";

const [told] = await lines(process.stdin, 1);
const { port, redirectUri, signedOutUri, clientId, proof, jwk, people, levels } = JSON.parse(told);
const issuer = `http://localhost:${port}`;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: clientId,
      ...proof,
      redirect_uris: [redirectUri],
      post_logout_redirect_uris: [signedOutUri],
      id_token_signed_response_alg: jwk.alg,
    },
  ],
  jwks: { keys: [jwk] },
  cookies: { keys: ["only for this test"] },
  pkce: { required: () => true },
  acrValues: levels,
  claims: { openid: ["sub", "acr", "amr", "auth_time"], profile: ["name"], email: ["email", "email_verified"], rrn: ["rrn"] },
  scopes: ["openid", "profile", "email", "rrn"],
  clientAuthMethods: ["client_secret_basic", "client_secret_post", "private_key_jwt"],
  enabledJWA: {
    idTokenSigningAlgValues: ["RS256", "PS256", "ES256", "EdDSA"],
    idTokenEncryptionAlgValues: ["RSA-OAEP", "RSA-OAEP-256"],
    userinfoEncryptionAlgValues: ["RSA-OAEP", "RSA-OAEP-256"],
  },
  features: {
    encryption: { enabled: true },
    jwtUserinfo: { enabled: true },
    devInteractions: { enabled: false },
    dPoP: { enabled: true, nonceSecret: Buffer.alloc(32, 7), requireNonce: () => true },
  },
  fetch: (url, { dispatcher: _guard, ...options }) => fetch(url, options), // its guard asks nothing of this machine
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_ctx, id) => people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id] }) },
  loadExistingGrant: async (ctx) => {
    const { client, session, params } = ctx.oidc;
    const grant = new ctx.oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope(params.scope);
    await grant.save();
    return grant;
  },
});

provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith("/interaction/")) return next();
  if (ctx.method === "GET") {
    ctx.body = `<!doctype html><title>Sign in</title><h1>Sign in at the other provider</h1>
      <form action="${ctx.path}" method="post"><input name="login"><input name="acr"><button>Sign in</button></form>
      <form action="${ctx.path}/no" method="post"><input name="no"><button>Cancel</button></form>`;
    return undefined;
  }
  const form = new URLSearchParams(await text(ctx.req));
  const login = { accountId: form.get("login"), acr: form.get("acr") || undefined, amr: ["otp"] };
  const no = { error: "access_denied", error_description: "The person said no." };
  const answer = ctx.path.endsWith("/no") ? no : { login };
  ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, answer));
  return undefined;
});

provider.listen(port, "127.0.0.1", () => console.log("ready"));

async function text(stream) {
  let whole = "";
  for await (const chunk of stream) whole += chunk;
  return whole;
}

async function lines(stream, count) {
  const found = [];
  for await (const line of createInterface({ input: stream })) {
    found.push(line);
    if (found.length === count) break;
  }
  return found;
}
